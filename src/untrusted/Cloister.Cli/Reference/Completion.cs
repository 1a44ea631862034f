using System.CommandLine;
using System.Text;

namespace Cloister.Cli.Reference;

/// <summary>
/// Completion scripts from the command tree, for bash, zsh and fish. All three walk the words before the cursor to the command that they name, and
/// step over the values of options; then they offer its commands, its options, the values that an option knows, or files.
/// </summary>
internal static class Completion
{
    internal static string Bash(CommandNode root) => $$"""
        # bash completion for {{root.Path}}
        _{{root.Path}}() {
          local cur=${COMP_WORDS[COMP_CWORD]} prev='' path={{root.Path}} words='' i
          COMPREPLY=()
          for ((i = 1; i < COMP_CWORD; i++)); do
            prev=${COMP_WORDS[i]}
            case "$path $prev" in
              {{Paths(root)}}) path="$path $prev"; prev=''; continue ;;
            esac
            # An option's value is no command.
            case "$path:$prev" in
              {{ValueOptions(root)}}) [ $((i + 1)) -lt "$COMP_CWORD" ] && { i=$((i + 1)); prev=''; } ;;
              *) prev='' ;;
            esac
          done
          if [ -n "$prev" ]; then
            case "$path:$prev" in
        {{Cases(root, 6, ValueWords)}}
            esac
          else
            case "$path" in
        {{Cases(root, 6, node => [(node.Path, NextWords(node))])}}
            esac
          fi
          [ -z "$words" ] || COMPREPLY=($(compgen -W "$words" -- "$cur"))
        }
        complete -o default -F _{{root.Path}} {{root.Path}}

        """;

    internal static string Zsh(CommandNode root) => $$"""
        #compdef {{root.Path}}
        # zsh completion for {{root.Path}}
        _{{root.Path}}() {
          local prev='' path_={{root.Path}} i
          local -a offered
          for ((i = 2; i < CURRENT; i++)); do
            prev=$words[i]
            case "$path_ $prev" in
              {{Paths(root)}}) path_="$path_ $prev"; prev=''; continue ;;
            esac
            # An option's value is no command.
            case "$path_:$prev" in
              {{ValueOptions(root)}}) if ((i + 1 < CURRENT)); then i=$((i + 1)); prev=''; fi ;;
              *) prev='' ;;
            esac
          done
          if [[ -n $prev ]]; then
            case "$path_:$prev" in
        {{Cases(root, 6, ValueWords, values => $"offered=({values})")}}
            esac
          else
            case "$path_" in
        {{Cases(root, 6, node => [(node.Path, Described(node))], described => $"offered=({described})")}}
            esac
          fi
          if (($#offered)); then _describe '{{root.Path}}' offered; fi
          if [[ $PREFIX != -* ]]; then _files; fi
        }
        if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _{{root.Path}} "$@"; else compdef _{{root.Path}} {{root.Path}}; fi

        """;

    internal static string Fish(CommandNode root)
    {
        StringBuilder script = new($$"""
            # fish completion for {{root.Path}}
            function __{{root.Path}}_at
              set -l path {{root.Path}}
              set -l skip 0
              for word in (commandline -opc)[2..-1]
                if test $skip = 1
                  set skip 0
                  continue
                end
                switch "$path $word"
                  case {{Paths(root).Replace('|', ' ')}}
                    set path "$path $word"
                    continue
                end
                # An option's value is no command.
                switch "$path:$word"
                  case {{ValueOptions(root).Replace('|', ' ')}}
                    set skip 1
                end
              end
              test "$path" = "$argv"
            end

            """);
        foreach (CommandNode node in root.All)
        {
            string line = $"complete -c {root.Path} -n '__{root.Path}_at {node.Path}'";
            foreach (CommandNode child in node.Children)
            {
                script.Append($"{line} -f -a {child.Command.Name} -d {FishQuoted(CommandNode.FirstSentence(child.Description))}\n");
            }

            string[] values = [.. node.Arguments.SelectMany(CommandNode.Values)];
            if (values.Length > 0)
            {
                script.Append($"{line} -f -a '{string.Join(' ', values)}'\n");
            }

            foreach (Option option in node.Options)
            {
                string names = string.Concat(CommandNode.Names(option).Select(name => name.StartsWith("--", StringComparison.Ordinal) ? $" -l {name[2..]}" : $" -s {name[1..]}"));
                string[] known = CommandNode.TakesValue(option) ? CommandNode.Values(option) : [];
                string value = known.Length > 0 ? $" -x -a '{string.Join(' ', known)}'" : CommandNode.TakesValue(option) ? " -r -F" : "";
                script.Append($"{line}{names}{value} -d {FishQuoted(CommandNode.FirstSentence(option.Description ?? ""))}\n");
            }
        }

        return script.Append($"complete -c {root.Path} -s h -l help -d 'Show help'\n").ToString();
    }

    private static string Paths(CommandNode root) => string.Join('|', root.All.Skip(1).Select(node => $"'{node.Path}'"));

    private static string ValueOptions(CommandNode root) => string.Join(
        '|',
        root.All.SelectMany(node => node.Options.Where(CommandNode.TakesValue).SelectMany(CommandNode.Names).Select(name => $"'{node.Path}:{name}'")));

    private static IEnumerable<(string Pattern, string Words)> ValueWords(CommandNode node) =>
        from option in node.Options
        where CommandNode.TakesValue(option)
        let values = CommandNode.Values(option)
        where values.Length > 0
        select (string.Join('|', CommandNode.Names(option).Select(name => $"{node.Path}:{name}")), string.Join(' ', values));

    private static string NextWords(CommandNode node) => string.Join(
        ' ', node.Children.Select(child => child.Command.Name).Concat(node.Arguments.SelectMany(CommandNode.Values)).Concat(node.OptionWords));

    // _describe takes 'word:description', with colons of the word escaped.
    private static string Described(CommandNode node) => string.Join(
        ' ',
        node.Children.Select(child => ZshItem(child.Command.Name, child.Description))
            .Concat(node.Arguments.SelectMany(CommandNode.Values).Select(value => ZshItem(value, "")))
            .Concat(node.Options.Select(option => ZshItem(option.Name, option.Description ?? ""))));

    private static string ZshItem(string word, string description) => ShellQuoted($"{word}:{CommandNode.FirstSentence(description)}");

    private static string Cases(
        CommandNode root, int indent, Func<CommandNode, IEnumerable<(string Pattern, string Words)>> of, Func<string, string>? assign = null) => string.Join(
        '\n',
        from node in root.All
        from pair in of(node)
        let patterns = string.Join('|', pair.Pattern.Split('|').Select(pattern => $"'{pattern}'"))
        select $"{new string(' ', indent)}{patterns}) {(assign ?? (words => $"words='{words}'"))(pair.Words)} ;;");

    private static string ShellQuoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string FishQuoted(string text) =>
        $"'{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";
}
