# Runs one of OpenStack Swift's servers with its configuration in a folder of our own.
# Swift's own commands read /etc/swift/swift.conf, which only an administrator can write.
#
#   swift-launcher.py FOLDER account|container|object|proxy

import sys

from swift.common import utils

folder, name = sys.argv[1:]
# Before anything else of Swift is imported: storage policies and limits are read from there at import.
utils.set_swift_dir(folder)

from swift.common.wsgi import run_wsgi  # noqa: E402

options = {}
if name == 'object':
    from swift.obj import server
    options['global_conf_callback'] = server.global_conf_callback
sys.exit(run_wsgi('%s/%s-server.conf' % (folder, name), name + '-server', verbose=True, **options))
