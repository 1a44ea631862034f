using System.CommandLine;
using System.CommandLine.Completions;

namespace Cloister.Cli.Reference;

/// <summary>A command as its documentation sees it: what can be typed, with the words of <c>--help</c>.</summary>
/// <param name="Path">The command with what stands before it, such as <c>cloister kek import</c>.</param>
/// <param name="Command">The command.</param>
internal sealed record CommandNode(string Path, Command Command)
{
    private static readonly string[] HelpNames = ["--help", "-h"];

    /// <summary>Commands below, without those that are not for people.</summary>
    internal IEnumerable<CommandNode> Children =>
        Command.Subcommands.Where(command => !command.Hidden).Select(command => new CommandNode($"{Path} {command.Name}", command));

    /// <summary>This command and all below it, each before its own.</summary>
    internal IEnumerable<CommandNode> All => Children.SelectMany(child => child.All).Prepend(this);

    internal IEnumerable<Option> Options => Command.Options.Where(option => !option.Hidden && !IsHelp(option));

    internal IEnumerable<Argument> Arguments => Command.Arguments.Where(argument => !argument.Hidden);

    /// <summary>What the command is for, as <c>--help</c> says it.</summary>
    internal string Description => Command.Description ?? "";

    /// <summary>Names of an option: the long one, then short ones.</summary>
    internal static IEnumerable<string> Names(Option option) => option.Aliases.Prepend(option.Name);

    /// <summary>All that can stand where an option is typed.</summary>
    internal IEnumerable<string> OptionWords => Options.SelectMany(Names).Concat(HelpNames);

    /// <summary>Whether a value has to follow the option.</summary>
    internal static bool TakesValue(Option option) => option.Arity.MinimumNumberOfValues > 0;

    /// <summary>The values an option knows; none when any text will do, such as a path.</summary>
    internal static string[] Values(Option option) => Labels(option.GetCompletions(CompletionContext.Empty));

    /// <summary>The values an argument knows; none when any text will do.</summary>
    internal static string[] Values(Argument argument) => Labels(argument.GetCompletions(CompletionContext.Empty));

    /// <summary>The first sentence of a text, for where there is one line.</summary>
    internal static string FirstSentence(string text)
    {
        int end = text.IndexOf(". ", StringComparison.Ordinal);
        return (end < 0 ? text : text[..end]).TrimEnd('.');
    }

    // The library's own options stand in every command: they are said once.
    private static bool IsHelp(Option option) => option.Name is "--help";

    private static string[] Labels(IEnumerable<CompletionItem> items) =>
        [.. items.Select(item => item.Label).Order(StringComparer.Ordinal)];
}
