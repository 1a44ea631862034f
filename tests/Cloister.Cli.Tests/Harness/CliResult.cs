using System.Text.Json.Nodes;

namespace Cloister.Cli.Tests.Harness;

/// <summary>What a command came to.</summary>
internal sealed record CliResult(int ExitCode, string Output, string Errors)
{
    /// <summary>Standard output as the one JSON document that it has to be.</summary>
    internal JsonNode Json => JsonNode.Parse(Output)!;

    /// <summary>A refusal: exit 1, nothing on standard output, a message and no stack trace on standard error.</summary>
    internal void MustBeRefused(string because)
    {
        Assert.True(ExitCode == Cli.ExitCode.Usage, ToString());
        Assert.Equal("", Output);
        Assert.StartsWith("cloister: ", Errors, StringComparison.Ordinal);
        Assert.Contains(because, Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", Errors, StringComparison.Ordinal);
    }

    internal CliResult MustSucceed()
    {
        Assert.True(ExitCode == Cli.ExitCode.Done, ToString());
        return this;
    }
}
