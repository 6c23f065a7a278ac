#!/bin/sh
# Each file of info/KIND/NAME/. Run in an empty mount; $STORE is the directory of its store.
. "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
denied='Operation not permitted'
mkdir active/base
mkdir active/base/sub active/base/old
for file in same grown removed touched secret link-a 'odd
name'; do echo "$file" > "active/base/$file"; done
ln active/base/link-a active/base/link-b
mv active/base committed/base
mkdir active/web@base views/look@base

about 'info/'
shows 'has a directory for each kind' 'active committed views' 'cd info; echo *'
shows 'and in it one for each snapshot' 'base' 'ls info/committed'
shows 'which always has the same files' 'changes children created id inodes kind labels method mounts path size state updated' \
  'cd info/committed/base; echo *'
shows 'and parent, when it has one' 'changes children created id inodes kind labels method mounts parent path size state updated' \
  'cd info/active/web; echo *'
shows 'and hold, while it is held' 'hold' 'cd info/active/web; echo why > hold; echo h*; rm hold'
refuses 'none of them can be written but hold and labels' "$denied" 'echo x > info/active/web/new'
refuses 'or removed' "$denied" 'rm info/active/web/id'
refuses 'not even by root' 'Permission denied' 'echo 7 > info/active/web/id'
eventually '(the copy is complete)' 'test "$(cat info/active/web/state)" = ready'
shows 'programs that trust sizes read all of it' 'id kind created updated state path mounts labels/a: as large as they say' '
  cd info/active/web; echo 1 > labels/a
  for f in id kind created updated state path mounts labels/a; do test "$(stat -c %s $f)" = "$(cat $f | wc -c)"; printf "%s " $f; done | sed "s/ $/: as large as they say/"
  rm labels/a'
does 'cp copies it, with its length' "cp info/active/web/size info/active/web/path info/active/web/changes $dir; test -s $dir/size; test -s $dir/path"
shows 'head, tail and wc read it' '1 1 1' 'cd info/active/web; echo $(head -n 1 id | wc -l) $(tail -n 1 size | wc -l) $(wc -l < size)'
does 'find sees all of it' 'test $(find info/active/web -type f | wc -l) = 11; test $(find info -name web | wc -l) = 1'

about 'id, kind, created, updated'
shows 'the number of the snapshot, which is never used again' '1 2 3' 'echo $(cat info/committed/base/id info/active/web/id info/views/look/id)'
shows 'its kind' 'committed active view' 'echo $(cat info/committed/base/kind info/active/web/kind info/views/look/kind)'
like 'when it was made, in RFC 3339, UTC' '20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9].[0-9][0-9][0-9]Z' 'cat info/active/web/created'
does 'when something about it was last changed' '
  cd info/active/web; before=$(cat updated); sleep 0.01; echo x > labels/l; test "$(cat updated)" != "$before"; rm labels/l
  test "$(cat created)" != "$(cat updated)"; test "$(date -u -r . +%FT%T)" = "$(cut -c-19 updated)"'

about 'parent, children'
shows 'how it was copied from its parent, where it has one' 'copy_file_range none' 'cat info/active/web/path > /dev/null; echo $(cat info/active/web/method info/committed/base/method)'
shows 'parent leads to the parent' 'same' 'cat info/active/web/parent/../../committed/base/id > /dev/null; cat committed/base/same'
shows 'within info/' '1' 'cat info/active/web/parent/id'
shows 'children/ has a link to each, called by kind and name' 'active:web views:look' 'cd info/committed/base/children; echo *'
shows 'that leads to it' '2' 'cat info/committed/base/children/active:web/id'
does 'there and back' 'test info/committed/base/children/active:web/parent/id -ef info/committed/base/id'
shows 'it follows what becomes of them' 'active:shop' 'mv active/web active/shop; rmdir views/look; cd info/committed/base/children; echo *'
does 'also as long as names go' '
  long=$(printf %0250d 1); mkdir "active/$long@base"
  test "$(ls info/committed/base/children | wc -l)" = 2
  for child in info/committed/base/children/*; do cat "$child/id" > /dev/null; done
  rmdir "info/active/$long"'
does '(as it was)' 'mv active/shop active/web; mkdir views/look@base'

about 'size, inodes'
does 'of active ones counted now, as du does' '
  test "$(cat info/active/web/size)" = "$(du -s -B1 "$(cat info/active/web/path)" | cut -f1)"
  head -c 100000 /dev/zero > active/web/more; test "$(cat info/active/web/size)" -gt 100000; rm active/web/more'
does 'of committed ones what was recorded' 'test "$(cat info/committed/base/size)" = "$(du -s -B1 "$(cat info/committed/base/path)" | cut -f1)"'
shows 'inodes, each once' '10' 'cat info/committed/base/inodes'
shows 'of views nothing: they have nothing of their own' '0 0' 'echo $(cat info/views/look/size info/views/look/inodes)'

about 'method'
shows 'how the copy of the parent was made, if there was one' 'none copy_file_range none' \
  'cd info; echo $(cat committed/base/method active/web/method views/look/method)'

about 'state'
eventually 'ready, in the end' 'test "$(cat info/committed/base/state info/active/web/state | uniq)" = ready'
does 'fsync of the directory waits until a commit is on the disk' '
  mkdir active/s; echo 1 > active/s/f; mv active/s committed/; sync committed/s; test "$(cat info/committed/s/state)" = ready; rmdir committed/s'

about 'path, mounts'
shows 'the native directory' "$STORE/snapshots/2" 'cat info/active/web/path'
shows 'of a view that of its parent' "$STORE/snapshots/1" 'cat info/views/look/path'
shows 'what to mount where FUSE is not wanted, as containerd returns it' "bind $STORE/snapshots/2 rw,rbind" 'cat info/active/web/mounts'
does 'which two lines of shell do' "
  read -r type source options < info/active/web/mounts
  mount -o \"\$options\" \"\$source\" $dir; trap 'umount $dir' EXIT
  test \$type = bind; echo fast > $dir/fast; cat active/web/fast; rm $dir/fast"
refuses 'read-only, when it is' 'Read-only file system' "
  read -r type source options < info/views/look/mounts
  mount -o \"\$options\" \"\$source\" $dir; trap 'umount $dir' EXIT
  touch $dir/new"

about 'labels/'
does 'echo sets one' 'echo production > info/active/web/labels/env'
shows 'cat reads it' 'production' 'cat info/active/web/labels/env'
shows 'ls lists them' 'env tier' 'echo 1 > info/active/web/labels/tier; cd info/active/web/labels; echo *'
shows 'echo sets it anew, with nothing left of what was there' 'x' 'echo x > info/active/web/labels/tier; cat info/active/web/labels/tier'
shows '>> adds a line' 'x y' 'echo y >> info/active/web/labels/tier; echo $(cat info/active/web/labels/tier)'
does 'rm removes one' 'rm info/active/web/labels/tier; test ! -e info/active/web/labels/tier'
refuses 'what is not there is not there' 'No such file' 'rm info/active/web/labels/none'
shows 'mv gives it another key' 'production' 'cd info/active/web/labels; mv env place; test ! -e env; cat place; mv place env'
shows 'mv over another one replaces that' 'b' 'cd info/active/web/labels; echo a > a; echo b > b; mv b a; test ! -e b; cat a; rm a'
does 'an empty one is none' 'cd info/active/web/labels; : > none; test "$(echo *)" = env'
eventually 'not even when it was one' 'cd info/active/web/labels; echo 1 > gone; : > gone; sleep 0.05; test "$(echo *)" = env'
shows 'keys are written as names of snapshots are' 'containerd.io%2Fsnapshot.ref' '
  cd info/active/web/labels; echo sha256:1 > containerd.io%2Fsnapshot.ref; ls | head -n 1; rm containerd.io%2Fsnapshot.ref'
shows 'a key with an @ can be written as it is' 'a%40b' 'cd info/active/web/labels; echo 1 > a@b; ls | head -n 1; cat a%40b > /dev/null; rm a@b'
does 'a file can be moved there from anywhere' "echo moved > $dir/label; cp $dir/label info/active/web/labels/m; mv $dir/label info/active/web/labels/m2
  test \"\$(cat info/active/web/labels/m info/active/web/labels/m2 | uniq)\" = moved; rm info/active/web/labels/m info/active/web/labels/m2"
does 'and to those of another snapshot' '
  echo 1 > info/active/web/labels/moving; mv info/active/web/labels/moving info/views/look/labels/
  test ! -e info/active/web/labels/moving; test "$(cat info/views/look/labels/moving)" = 1'
does 'a temporary file can take its place, as editors save' '
  cd info/active/web/labels; echo new > .env.swp; echo newer > env~tmp; test "$(cat env)" = production
  mv .env.swp env; test "$(cat env)" = new; mv env~tmp env; test "$(cat env)" = newer; test "$(echo *)" = env'
shows 'large values are read back' '60000' 'head -c 60000 /dev/zero | tr "\0" x > info/active/web/labels/big; head -c 60000 info/active/web/labels/big | tr -d "\n" | wc -c; rm info/active/web/labels/big'
refuses 'what is not UTF-8 is no value' 'Invalid argument' 'env printf "\377" > info/active/web/labels/bad'
does 'a commit drops them, as containerd does' '
  mkdir active/l; echo 1 > info/active/l/labels/a; mv active/l committed/; test "$(ls info/committed/l/labels)" = ""; rmdir committed/l'
user='setpriv --reuid 1000 --regid 1000 --clear-groups'
refuses 'others may not label' 'Permission denied' "$user sh -c 'echo 1 > info/active/web/labels/theirs'"
does 'but whose the snapshot is may' "chmod 1777 active; $user mkdir active/u; $user sh -c 'echo 1 > info/active/u/labels/mine'; $user rmdir info/active/u; chmod 755 active"

about 'hold'
does 'echo holds' 'echo "in use by the web server" > info/active/web/hold'
shows 'it says why' 'in use by the web server' 'cat info/active/web/hold'
refuses 'what is held is not removed' 'Device or resource busy' 'rmdir info/active/web'
shows 'nor in committed/' 'no reason was given' 'touch info/committed/base/hold; rmdir views/look info/active/web committed/base 2> /dev/null || cat info/committed/base/hold'
does 'rm releases' 'rm info/active/web/hold info/committed/base/hold; test ! -e info/active/web/hold'
refuses 'others may not hold' 'Permission denied' "$user touch info/active/web/hold"

about 'changes'
does '(some are made)' '
  cd active/web; echo more >> grown; rm removed link-b; rm -r old; touch -d @0 touched; chmod 600 secret; echo new > added
  mkdir -p new/deep; ln -s same linked; rm "odd
name"; mkdir sub/below'
shows 'what was added, modified and deleted, in the order of paths' 'A added
M grown
D link-b
A linked
A new
A new/deep
D odd\012name
D old
D removed
M secret
A sub/below
M touched' 'cat info/active/web/changes'
does 'also when size and time are those of the parent' '
  printf SAME\\n > active/web/same; touch -r committed/base/same active/web/same; grep -qx "M same" info/active/web/changes'
shows 'of a view there are none' '' 'mkdir views/v@base; cat info/views/v/changes; rmdir views/v'
shows 'without a parent everything is added' 'A grown
A link-a
A link-b
A odd\012name
A old
A removed
A same
A secret
A sub
A touched' 'cat info/committed/base/changes'
shows 'and can be used: printf takes the escapes back' 'odd
name' 'printf "$(grep odd info/committed/base/changes | cut -c 3-)\n"'
shows 'head, tail and wc work on it' 'A grown 10 A touched' 'cd info/committed/base; echo $(head -n 1 changes) $(wc -l < changes) $(tail -n 1 changes)'
does 'a commit keeps them' 'before=$(cat info/active/web/changes); mv active/web committed/web-1; test "$(cat info/committed/web-1/changes)" = "$before"'
does '(removed)' 'rmdir committed/web-1 committed/base'
done_testing
