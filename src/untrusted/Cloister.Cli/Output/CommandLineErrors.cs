using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace Cloister.Cli.Output;

/// <summary>What is wrong with a command line, in words: no names of types, and what was probably meant.</summary>
internal static partial class CommandLineErrors
{
    private const int MostSuggestions = 3;

    /// <summary>Every error; none: it can be run.</summary>
    internal static IReadOnlyList<string> Of(ParseResult parsed)
    {
        string[] unknown = [.. parsed.UnmatchedTokens, .. Taken(parsed)];

        // What follows an option that nobody knows is its value.
        string[] options = [.. unknown.Where(token => token.StartsWith('-'))];
        string[] named = [.. (options.Length > 0 ? options : unknown).Distinct().Select(token => Unknown(token, parsed.CommandResult.Command))];
        IEnumerable<string> others = parsed.Errors.Select(error => error.Message)
            .Where(message => unknown.Length == 0 || !(message.StartsWith("Unrecognized command", StringComparison.Ordinal) || message.StartsWith("Required command", StringComparison.Ordinal) || options.Any(option => message.Contains($"'{option}'", StringComparison.Ordinal))))
            .Select(message => InWords(message, parsed.CommandResult.Command));
        return [.. named, .. others];
    }

    /// <summary>The names of an enum's values, as they are written on a command line.</summary>
    internal static string[] Values(Type type) => [.. Enum.GetNames(Underlying(type)).Select(name => name.ToLowerInvariant())];

    internal static Type Underlying(Type type) => Nullable.GetUnderlyingType(type) ?? type;

    /// <summary>What is nearest to a name: at most three, each no further away than a third of it.</summary>
    internal static IReadOnlyList<string> Near(string name, IEnumerable<string> known) =>
    [
        .. known.Distinct().Select(one => (Name: one, Distance: Distance(name, one)))
            .Where(one => one.Distance <= Math.Max(1, name.Length / 3) || (name.Length > 2 && one.Name.StartsWith(name, StringComparison.Ordinal)))
            .OrderBy(one => one.Distance).ThenBy(one => one.Name, StringComparer.Ordinal).Take(MostSuggestions).Select(one => one.Name),
    ];

    // An argument that takes anything takes a mistyped option too.
    private static IEnumerable<string> Taken(ParseResult parsed) =>
        parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value).Where(value => value.StartsWith("--", StringComparison.Ordinal));

    private static string Unknown(string token, Command command)
    {
        bool option = token.StartsWith('-');
        IEnumerable<string> known = option
            ? command.Options.Where(one => !one.Hidden).SelectMany(one => one.Aliases.Prepend(one.Name))
            : command.Subcommands.Where(one => !one.Hidden).SelectMany(one => one.Aliases.Prepend(one.Name));
        IReadOnlyList<string> near = Near(token.Split('=')[0], known);
        return $"'{CliOutput.Shown(token)}' is no {(option ? "option" : "command")} of '{PathOf(command)}'{(near.Count > 0 ? $": did you mean {string.Join(" or ", near)}?" : "")}";
    }

    private static string PathOf(Command command)
    {
        List<string> names = [];
        for (Symbol? symbol = command; symbol is Command one; symbol = one.Parents.FirstOrDefault())
        {
            names.Insert(0, one is RootCommand ? "cloister" : one.Name);
        }

        return string.Join(' ', names);
    }

    private static string InWords(string message, Command command)
    {
        if (TypeForm().Match(message) is not { Success: true } match)
        {
            return message.ReplaceLineEndings(" ").Replace("\t", "", StringComparison.Ordinal);
        }

        string name = match.Groups["option"].Value;
        Type? type = command.Options.FirstOrDefault(option => option.Name == name || option.Aliases.Contains(name))?.ValueType;
        Type single = Underlying(type?.GetElementType() ?? type ?? typeof(string));
        string expected = single.IsEnum ? $"one of {string.Join(", ", Values(single))} is expected"
            : single == typeof(int) || single == typeof(long) ? "a whole number is expected"
            : single == typeof(bool) ? "true or false is expected"
            : single == typeof(double) ? "a number is expected"
            : "another value is expected: see --help";
        return $"{name}: '{CliOutput.Shown(match.Groups["value"].Value)}': {expected}";
    }

    // Letters that are changed, missing, too many, or in the wrong order: Damerau and Levenshtein.
    private static int Distance(string a, string b)
    {
        int[][] steps = [.. Enumerable.Range(0, a.Length + 1).Select(_ => new int[b.Length + 1])];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                steps[i][j] = i == 0 ? j : j == 0 ? i
                    : Math.Min(Math.Min(steps[i - 1][j], steps[i][j - 1]) + 1, steps[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    steps[i][j] = Math.Min(steps[i][j], steps[i - 2][j - 2] + 1);
                }
            }
        }

        return steps[a.Length][b.Length];
    }

    [GeneratedRegex("^Cannot parse argument '(?<value>.*)' for option '(?<option>[^']*)' as expected type", RegexOptions.Singleline)]
    private static partial Regex TypeForm();
}

/// <summary>Names of values in help, in place of names of types.</summary>
internal static class HelpNames
{
    /// <summary>Goes over a command and all below it.</summary>
    internal static void Set(Command command)
    {
        foreach (Option option in command.Options.Where(option => option.HelpName is null))
        {
            Type type = CommandLineErrors.Underlying(option.ValueType);
            if (type.IsEnum)
            {
                option.HelpName = string.Join('|', CommandLineErrors.Values(type));
            }
            else if (!IsFlag(type))
            {
                option.HelpName = option.Name.TrimStart('-');
            }
        }

        foreach (Command below in command.Subcommands)
        {
            Set(below);
        }
    }

    private static bool IsFlag(Type type) => type == typeof(bool) || type == typeof(void);
}
