#!/bin/sh
# The table of the mounted tree, row by row. Run in an empty mount whose store has about 250 MB.
. "$(dirname "$0")/lib.sh"

denied='Operation not permitted'
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

about 'The mount'
shows 'has a README and four directories' 'README active committed info views' 'echo *'
shows 'and nothing can be made beside them' "mkdir: cannot create directory 'new': Permission denied" \
  'setpriv --reuid 1000 --regid 1000 --clear-groups mkdir new || true'
refuses 'not even by root' "$denied" 'mkdir new'
refuses 'its directories stay where they are' "$denied" 'mv active active2'
like 'README says how to use it on one screen' '*mkdir active/web@base*' 'test "$(wc -l < README)" -le 40; cat README'

about 'mkdir active/NAME prepares without a parent'
shows 'an empty directory, with your umask' '750' 'umask 027; mkdir active/base; stat -c %a active/base'
shows 'that belongs to you' '1000:1000 755' '
  chmod 1777 active
  setpriv --reuid 1000 --regid 1000 --clear-groups mkdir active/yours
  stat -c "%u:%g %a" active/yours
  rmdir active/yours; chmod 00755 active'
shows 'and of the group of active/ when that is setgid, as anywhere' '0:50 2755' '
  chmod 2755 active; chgrp 50 active; mkdir active/g; stat -c "%u:%g %a" active/g; rmdir active/g
  chgrp 0 active; chmod 00755 active'
does 'in which one works as anywhere' 'echo content > active/base/file; mkdir active/base/sub; ln -s file active/base/link'
refuses 'a name that is taken is refused' 'File exists' 'mkdir active/base'
refuses 'an impossible name is refused' 'Invalid argument' 'mkdir active/a@'
refuses 'a longer one than any file has, too' 'File name too long' 'mkdir "active/$(printf %0256d 0)"'
refuses 'a name with a dot at its beginning is refused' "$denied" 'mkdir active/.hidden'

about 'mv active/A committed/ commits'
refuses 'not while a file is open for writing' 'Device or resource busy' 'exec 3> active/base/open; mv active/base committed/'
does '(the open file is removed again)' 'rm active/base/open'
refuses 'not while its directory is bind-mounted' 'Device or resource busy' "
  mount --bind \"\$(cat info/active/base/path)\" $dir; trap 'umount $dir' EXIT; mv active/base committed/"
does 'otherwise at once' 'mv active/base committed/; test ! -e active/base; test -e committed/base/file'
does 'under another name as well' 'mkdir active/x; echo 1 > active/x/one; mv active/x committed/other; cat committed/other/one'
refuses 'a name that is taken is refused' 'Directory not empty' 'mkdir active/x; mv -T active/x committed/base'
refuses 'without -T mv(1) means into it, which is refused' "$denied" 'mv active/x committed/base'
does '(the other one is still there)' 'rmdir active/x'

about 'mkdir active/NAME@PARENT prepares a copy'
shows 'with all that is in the parent' 'content' 'mkdir active/web@base; cat active/web/file'
shows 'whose top directory keeps the permissions of the parent' '750' 'stat -c %a active/web'
shows 'only NAME is listed' 'web' 'ls active'
does 'but NAME@PARENT goes on resolving, to the same directory' '
  cd active/web@base; cat file; test "$(stat -c %i .)" = "$(stat -c %i ../web)"'
shows 'while the parent is PARENT' '../../committed/base' 'readlink info/active/web/parent'
refuses 'a parent that is not there is refused' 'No such file or directory' 'mkdir active/y@nothing'
refuses 'a name that is taken is refused' 'File exists' 'mkdir active/web@other'
does '(a large one is committed)' '
  mkdir active/large; head -c 150M /dev/zero > active/large/zero; mv active/large committed/; sync committed/large'
eventually '(and counted)' 'test "$(stat -c %s info/committed/large/size)" -gt 1'
refuses 'a copy that cannot fit is refused, at once' 'No space left on device' 'mkdir active/y@large'
does '(the large one is removed)' 'rmdir committed/large'

about 'mkdir views/NAME@PARENT makes a view'
shows 'of all that is in the parent' 'content' 'mkdir views/look@base; cat views/look/file'
shows 'without a parent an empty one' '' 'mkdir views/none; ls views/none; rmdir views/none'
refuses 'in which nothing can be changed' 'Read-only file system' 'touch views/look/new'
refuses 'a parent that is not there is refused' 'No such file or directory' 'mkdir views/y@nothing'
refuses 'a name that is taken is refused' 'File exists' 'mkdir views/look@other'

about 'mv within a directory gives another name'
does 'in active/, and its lineage stays' 'mv active/web active/shop; test "$(readlink info/active/shop/parent)" = ../../committed/base'
does 'in committed/, and what was made from it follows' 'mv committed/base committed/root; test "$(readlink info/active/shop/parent)" = ../../committed/root'
does 'in views/' 'mv views/look views/look2; cat views/look2/file'
refuses 'a name that is taken is refused' 'Directory not empty' 'mkdir active/x; mv -T active/x active/shop'
does '(names as before)' 'rmdir active/x; mv committed/root committed/base; mv active/shop active/web; mv views/look2 views/look'

about 'mv active/A active/B@PARENT prepares in a folder that was just made'
shows 'when it is empty and without a parent' 'content' "mkdir 'active/New Folder'; mv 'active/New Folder' active/b@base; cat active/b/file"
shows 'under its own name, too' 'content' 'mkdir active/c; mv active/c active/c@base; cat active/c/file'
refuses 'one with content is refused' 'Directory not empty' 'mkdir active/full; touch active/full/x; mv active/full active/d@base'
refuses 'a parent that is not there is refused' 'No such file or directory' 'mkdir active/e; mv active/e active/d@nothing'
refuses 'one that is held is refused, and nothing is made' 'Device or resource busy' 'echo mine > info/active/e/hold; mv active/e active/d@base'
shows '(nothing was)' 'b c e full web' 'cd active; echo *'
does '(these are removed)' 'rm info/active/e/hold; rm -r active/b active/c active/e active/full'

about 'rmdir removes'
refuses 'in active/ only what is empty, as always' 'Directory not empty' 'rmdir active/web'
refuses 'in committed/ not what something was made from' 'Device or resource busy' 'rmdir committed/base'
refuses 'in views/ not what is open' 'Device or resource busy' 'exec 3< views/look/file; rmdir views/look'
does 'in views/ whatever it holds' 'rmdir views/look; test ! -e views/look'
does 'in committed/ whatever it holds' 'rmdir committed/other; test ! -e committed/other'
does 'rm -r active/NAME works as anywhere' 'mkdir active/gone@base; rm -r active/gone; test ! -e active/gone'
does 'rmdir info/active/NAME does it in one step' 'mkdir active/gone@base; rmdir info/active/gone; test ! -e active/gone'
does 'and info/committed and info/views, too' '
  mkdir active/gone; mv active/gone committed/; rmdir info/committed/gone; test ! -e committed/gone
  mkdir views/gone@base; rmdir info/views/gone; test ! -e views/gone'
refuses 'but not what is open' 'Device or resource busy' 'exec 3< active/web/file; rmdir info/active/web'

about 'Below committed/ nothing is ever written'
for try in 'echo x > committed/base/file' 'echo x >> committed/base/file' 'touch committed/base/file' 'rm -f committed/base/file' \
  'mkdir committed/base/new' 'chmod 777 committed/base' 'chown 1 committed/base/file' 'mv committed/base/file committed/base/f' \
  'ln committed/base/file committed/base/f' 'ln -s a committed/base/l' 'truncate -s 0 committed/base/file' 'rm -rf committed/base'; do
  refuses "$try" 'Read-only file system' "$try"
done

about 'Ordinary work'
does 'cp -a committed/base active/copy fills an entry of its own' '
  cp -a committed/base active/copy; cat active/copy/file; test ! -e info/active/copy/parent
  test "$(stat -c "%a %Y" committed/base active/copy | sort -u | wc -l)" = 1'
refuses 'a hard link from one entry to another is refused' 'Invalid cross-device link' 'ln active/copy/file active/web/hard'
does 'a file moved from one entry to another is copied, as between file systems' '
  mv active/copy/file active/web/moved; test ! -e active/copy/file; cat active/web/moved'
does '(removed)' 'rm -r active/copy active/web/moved'

about 'What is not meant is refused, and never becomes a copy'
refuses 'mv committed/X active/' "$denied" 'mv committed/base active/'
refuses 'mv committed/X views/' "$denied" 'mv committed/base views/'
refuses 'mv views/X active/' "$denied" 'mkdir views/v@base; mv views/v active/'
does '(removed)' 'rmdir views/v'
refuses 'one entry into another' "$denied" 'mkdir active/a; mv active/a active/web/'
refuses 'one entry into a committed one' "$denied" 'mv active/a committed/base/'
refuses 'a directory of an entry to active/' "$denied" 'mv active/web/sub active/'
refuses 'a file of an entry to active/' "$denied" 'mv active/web/file active/'
refuses 'a plain file in active/' "$denied" 'echo x > active/plain'
refuses 'a symbolic link in active/' "$denied" 'ln -s web active/link'
refuses 'a hard link in active/' "$denied" 'ln active/web/file active/hard'
refuses 'a fifo in active/' "$denied" 'mkfifo active/fifo'
refuses 'a directory in committed/' "$denied" 'mkdir committed/new'
shows '(nothing came of it)' 'active/a active/web committed/base' 'echo active/* committed/*; rmdir active/a'

about 'What desktops look for is never there'
for name in .Trash .Trash-1000 .hidden .directory autorun.inf desktop.ini Thumbs.db; do
  for place in . active committed views; do
    refuses "$place/$name" 'No such file or directory' "cat $place/$name"
    refuses "mkdir $place/$name" "$denied" "mkdir $place/$name"
  done
done

about 'Names'
for name in 'a b:c' '50%' 'k8s.io%2F12%2Fextract sha256:ab' 'ü' "$(printf %0255d 7)" '%2Ehidden' '%0A' '-n'; do
  shows "$(printf %.40s "$name") is what it is" "$name" "mkdir -- 'active/$name'; cd active; ls -N -I web"
  does 'and its own way back' "mv -- 'active/$name' active/plain; mv active/plain 'active/$name'; rmdir 'active/$name'"
done
refuses 'a line feed is written %0A' 'Invalid argument' 'mkdir "active/a
b"'
refuses 'what is not UTF-8 is no name' 'Invalid argument' "mkdir \"active/\$(printf '\\377')\""

about 'Who may what'
user='setpriv --reuid 1000 --regid 1000 --clear-groups'
refuses 'others may not prepare' 'Permission denied' "$user mkdir active/u"
does 'unless active/ says so' "chmod 1777 active; $user mkdir active/u; $user touch active/u/file"
refuses 'others may not commit' 'Permission denied' "$user mv active/u committed/"
does 'unless committed/ says so' "chmod 1777 committed; $user mv active/u committed/"
refuses 'where both are sticky, nobody takes what is another one'"'"'s' "$denied" "$user mv active/web committed/"
refuses 'nor removes it' 'not permitted' "$user rmdir info/committed/base"
does 'but everybody his own' "$user rmdir info/committed/u; $user mkdir active/u; $user rmdir info/active/u"
does '(as it was)' 'chmod 755 active committed; rm -r active/web; rmdir committed/base'
done_testing
