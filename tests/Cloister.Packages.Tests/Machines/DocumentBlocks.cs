using System.Text.RegularExpressions;

namespace Cloister.Packages.Tests.Machines;

/// <summary>Blocks of a document that are marked, <c>run: NAME</c> or <c>file: NAME</c> in a comment above: commands and files as they stand there.</summary>
internal static partial class DocumentBlocks
{
    /// <summary>The marked blocks of one section (a heading of the second level), by name.</summary>
    internal static async Task<IReadOnlyDictionary<string, string>> ReadAsync(string document, string heading)
    {
        string text = await File.ReadAllTextAsync(Shell.InRepository("docs", document), TestContext.Current.CancellationToken);
        int start = text.IndexOf($"\n## {heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"{document} has no section {heading}");
        int end = text.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return BlockForm().Matches(end < 0 ? text[start..] : text[start..end]).ToDictionary(block => block.Groups["name"].Value, block => block.Groups["text"].Value);
    }

    /// <summary>The lines of a block but for those that say that they are not run, or by which test; one that ends with a backslash goes on.</summary>
    internal static string[] Commands(string block) =>
        [.. block.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !ElsewhereForm().IsMatch(line))];

    /// <summary>The commands of one marked block of docs/operations.md, as root runs them.</summary>
    internal static async Task<string[]> OperationsAsync(string heading, string name) => Commands(AsRoot((await ReadAsync("operations.md", heading))[name]));

    /// <summary>As root, who has no sudo in a machine.</summary>
    internal static string AsRoot(string commands) => commands.Replace("sudo ", "", StringComparison.Ordinal);

    /// <summary>The first pin in what a command printed; empty: there is none.</summary>
    internal static string PinIn(string printed) => PinForm().Match(printed).Value;

    [GeneratedRegex("# (?:not run|run|booted): ")]
    private static partial Regex ElsewhereForm();

    [GeneratedRegex("sha256:[A-Za-z0-9+/=]+")]
    private static partial Regex PinForm();

    [GeneratedRegex("<!-- (?:run|file): (?<name>[a-z.-]+) -->\n```[a-z]*\n(?<text>.*?)```\n", RegexOptions.Singleline)]
    private static partial Regex BlockForm();
}
