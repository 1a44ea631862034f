using System.Text.RegularExpressions;

namespace Cloister.Build.Tests;

/// <summary>
/// Every block of commands in the documents that are followed by hand is run by a test or says why not: it is marked <c>run: NAME</c> and a test names it, or each of its lines has
/// <c># not run: REASON</c>, <c># run: TESTS</c> or <c># booted: TESTS</c> with a class that is there. A block of anything else names its language.
/// </summary>
public sealed partial class DocumentedBlocksTests
{
    private static readonly Lazy<IReadOnlyDictionary<string, string>> Sources = new(() => Directory.EnumerateFiles(Path.Combine(ScratchRepository.Original, "tests"), "*.cs", SearchOption.AllDirectories)
        .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"))
        .GroupBy(file => Path.GetFileName(file)).ToDictionary(group => group.Key, group => string.Join('\n', group.Select(File.ReadAllText))));

    [Theory]
    [InlineData("install.md")]
    [InlineData("operations.md")]
    [InlineData("gateway.md")]
    [InlineData("broker.md")]
    public void Every_command_is_run_or_says_why_not(string document)
    {
        string text = File.ReadAllText(Path.Combine(ScratchRepository.Original, "docs", document));
        Assert.Matches("(?m)^```$", text);
        Assert.Empty(FaultsOf(text, document));
    }

    [Theory]
    [InlineData("```\ncloister kek list\n```\n", "cloister kek list")]
    [InlineData("```\ncloister kek list     # not run:\n```\n", "cloister kek list     # not run:")]
    [InlineData("```\ncloister kek list     # not run: needs a TEE\ncloister kek wipe\n```\n", "cloister kek wipe")]
    [InlineData("```\ncloister kek list     # booted: NobodysTests\n```\n", "cloister kek list     # booted: NobodysTests")]
    [InlineData("<!-- run: nobodys-block -->\n```\ncloister kek list\n```\n", "nobodys-block")]
    [InlineData("```bash\ncloister kek list\n```\n", "cloister kek list")]
    [InlineData("- as a point of a list:\n\n  ```\n  cloister kek list\n  ```\n", "cloister kek list")]
    public void A_command_that_is_neither_is_found(string text, string fault) => Assert.Equal([$"d.md: {fault}"], FaultsOf(text, "d.md"));

    [Theory]
    [InlineData("```\ncloister kek list     # not run: needs a TEE\n```\n")]
    [InlineData("```\ncloister kek list \\\n    -o json     # booted: NodeTests. As root\n```\n")]
    [InlineData("```yaml\ncluster: c\n```\n")]
    [InlineData("<!-- run: provision -->\n```\ncloister kek list\n```\n")]
    public void What_says_so_is_not(string text) => Assert.Empty(FaultsOf(text, "d.md"));

    private static List<string> FaultsOf(string text, string document)
    {
        List<string> faults = [];
        foreach (Match block in BlockForm().Matches(text))
        {
            // Languages that are no commands.
            if (block.Groups["language"].Value is not ("" or "sh" or "bash" or "shell" or "console"))
            {
                continue;
            }

            string name = block.Groups["name"].Value;
            if (name.Length > 0)
            {
                if (!Sources.Value.Any(source => source.Key != "DocumentedBlocksTests.cs" && IsNamed(source.Value, name)))
                {
                    faults.Add($"{document}: {name}");
                }

                continue;
            }

            faults.AddRange(block.Groups["text"].Value.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Where(line => !line.StartsWith('#') && !IsAccountedFor(line)).Select(line => $"{document}: {line}"));
        }

        return faults;
    }

    // As a string of a test; DocumentedCommandsTests has its block's name in a pattern.
    private static bool IsNamed(string source, string name) => source.Contains($"\"{name}\"", StringComparison.Ordinal) || source.Contains($"run: {name}|", StringComparison.Ordinal);

    private static bool IsAccountedFor(string line) =>
        ReasonForm().Match(line) is { Success: true } reason
        && (reason.Groups["tests"].Value is not { Length: > 0 } tests || Sources.Value.ContainsKey($"{tests}.cs") || (tests == ".ci/run" && File.Exists(Path.Combine(ScratchRepository.Original, tests))));

    [GeneratedRegex("(?:<!-- run: (?<name>[a-z.-]+) -->\n)?^ *```(?<language>[a-z]*)\n(?<text>.*?)^ *```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex BlockForm();

    [GeneratedRegex(@"# (?:not run: \S|(?:run|booted): (?<tests>\w+Tests\b|\.ci/run\b))")]
    private static partial Regex ReasonForm();
}
