using System.Text.RegularExpressions;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Deploy;

public sealed partial class AlertTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Alerts_are_about_metrics_that_there_are_and_each_names_its_fix()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        CliResult metrics = (await CliProcess.RunAsync("metrics", "--socket", dev.AdminSocket)).MustSucceed();
        HashSet<string> served = [.. Name().Matches(metrics.Output).Select(match => match.Value)];
        string rules = await File.ReadAllTextAsync(DeployFiles.File("prometheus", "cloister.rules.yaml"), TestContext.Current.CancellationToken);
        string[] expressions = [.. Expression().Matches(rules).Select(match => match.Groups[1].Value)];
        Assert.NotEmpty(expressions);
        Assert.All(expressions.SelectMany(expression => Name().Matches(expression)), match => Assert.Contains(match.Value, served));
        Assert.Equal(expressions.Length, rules.Split("- alert:").Length - 1);
        Assert.Equal(expressions.Length, rules.Split(" fix: ").Length - 1);
        Assert.Equal(expressions.Length, rules.Split(" summary: ").Length - 1);
    }

    [GeneratedRegex("cloister_[a-z_]+")]
    private static partial Regex Name();

    [GeneratedRegex("^ +expr: (.*)$", RegexOptions.Multiline)]
    private static partial Regex Expression();
}
