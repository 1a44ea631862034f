using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;
using Cloister.Cli.Upgrade;

namespace Cloister.Cli.Tests.Upgrade;

/// <summary><c>cloister upgrade plan</c>: one policy for two measurements, and the steps between them.</summary>
public sealed class UpgradePlanTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Both_measurements_are_in_the_policy_and_the_key_id_stays()
    {
        (string old, string next) = (await PolicyAsync("aa"), await PolicyAsync("bb"));
        await using DevEnclave a = await DevEnclave.StartAsync(_folder["a"]);
        CliResult plan = (await CliProcess.RunAsync("upgrade", "plan", "--policy", old, "--new-policy", next, "--node", $"cp1={a.KmsSocket}", "-o", "json")).MustSucceed();
        Assert.Contains(string.Concat(Enumerable.Repeat("aa", 32)), (string)plan.Json["policy"]!, StringComparison.Ordinal);
        Assert.Contains(string.Concat(Enumerable.Repeat("bb", 32)), (string)plan.Json["policy"]!, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_folder["both.yaml"], (string)plan.Json["policy"]!, Stop);
        (await CliProcess.RunAsync("config", "validate", _folder["both.yaml"])).MustSucceed();
        JsonNode node = Assert.Single(plan.Json["nodes"]!.AsArray())!;
        Assert.Equal((a.KeyId, a.KeyId), ((string)node["keyIdBefore"]!, (string)node["keyIdAfter"]!));
        string[] steps = [.. plan.Json["steps"]!.AsArray().Select(step => (string)step!)];
        Assert.Equal([0, 1, 3], (int[])[Array.FindIndex(steps, step => step.Contains("for both", StringComparison.Ordinal)), Array.FindIndex(steps, step => step.StartsWith("cp1:", StringComparison.Ordinal)), Array.FindIndex(steps, step => step.Contains("no way back", StringComparison.Ordinal))]);

        // Another KEK on a node, or none: not now.
        await using DevEnclave b = await DevEnclave.StartAsync(_folder["b"]);
        CliResult refused = await CliProcess.RunAsync("upgrade", "plan", "--policy", old, "--new-policy", next, "--node", $"cp1={a.KmsSocket}", "--node", $"cp2={b.KmsSocket}", "-o", "json");
        Assert.Equal((ExitCode.No, false), (refused.ExitCode, (bool)refused.Json["allowed"]!));
        Assert.Equal(ExitCode.No, (await CliProcess.RunAsync("upgrade", "plan", "--policy", old, "--new-policy", next, "--node", $"cp1={_folder["none.sock"]}")).ExitCode);
    }

    [Theory]
    [InlineData("a: {l: [1, 2]}", "a: {l: [2, 3]}", "")]
    [InlineData("a: {l: [1], x: 1}", "a: {l: [2]}", "a.x: only the old policy has it")]
    [InlineData("a: {l: [1]}", "a: {l: [2], y: 1}", "a.y: only the new policy has it")]
    [InlineData("a: {debug: refuse}", "a: {debug: any}", "a.debug: refuse and any")]
    [InlineData("a: {l: [1]}", "a: {l: any}", "a.l:")]
    public void Lists_are_put_together_and_nothing_else_is(string old, string next, string because)
    {
        if (because.Length == 0)
        {
            Assert.Equal("a: {l: [1, 2, 3]}", PolicyUnion.Of(old, next).Trim());
        }
        else
        {
            Assert.Contains(because, Assert.Throws<CliException>(() => PolicyUnion.Of(old, next)).Message, StringComparison.Ordinal);
        }
    }

    private async Task<string> PolicyAsync(string measurement)
    {
        string path = _folder[$"{measurement}.yaml"];
        await File.WriteAllTextAsync(
            path, (await CliProcess.RunAsync("policy", "from-measurement", "--tee", "sgx", "--mrenclave", string.Concat(Enumerable.Repeat(measurement, 32)))).MustSucceed().Output, Stop);
        return path;
    }
}
