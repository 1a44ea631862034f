using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Policy;

/// <summary><c>cloister policy dry-run</c> against a broker that gave a lease to a running enclave.</summary>
public sealed partial class PolicyDryRunTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_a_stricter_policy_would_have_refused_is_told_and_nothing_changes()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested");
        JsonNode told = dev.Ready["broker"]!;
        string[] access = ["--broker", (string)told["admin"]!, "--pin", (string)told["pin"]!, "--certificate", (string)told["certificate"]!, "--key", (string)told["key"]!];
        JsonNode listed = JsonNode.Parse((await CliProcess.RunAsync(["policy", "list", "--output", "json", .. access])).MustSucceed().Output)!;
        string name = (string)listed["policies"]![0]!["name"]!;
        string inForce = (await CliProcess.RunAsync(["policy", "show", "--name", name, .. access])).MustSucceed().Output;

        CliResult same = (await CliProcess.RunAsync(["policy", "dry-run", "--file", Write("same.yaml", inForce), .. access])).MustSucceed();
        Assert.Matches("^[1-9][0-9]* accepted, 0 refused", same.Output.Split('\n')[^2]);

        string stricter = ConfigDigest().Replace(inForce, new string('d', 96));
        Assert.NotEqual(inForce, stricter);
        CliResult refused = await CliProcess.RunAsync(["policy", "dry-run", "--output", "json", "--file", Write("stricter.yaml", stricter), .. access]);
        Assert.Equal(ExitCode.No, refused.ExitCode);
        JsonNode verdict = Assert.Single(JsonNode.Parse(refused.Output)!["verdicts"]!.AsArray())!;
        Assert.Equal((true, false, "config_digest", "dev"), ((bool)verdict["wasAccepted"]!, (bool)verdict["accepted"]!, (string)verdict["step"]!, (string)verdict["cluster"]!));

        CliResult elsewhere = (await CliProcess.RunAsync(["policy", "dry-run", "--cluster", "another", "--file", Write("stricter.yaml", stricter), .. access])).MustSucceed();
        Assert.Contains("0 accepted, 0 refused", elsewhere.Output, StringComparison.Ordinal);
        (await CliProcess.RunAsync("probe", "--socket", dev.KmsSocket, "--count", "3")).MustSucceed();
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder[name], text);
        return _folder[name];
    }

    // SHA-384 stands in configDigests; measurements of a simulated SGX enclave have 64 digits.
    [GeneratedRegex("[0-9a-f]{96}")]
    private static partial Regex ConfigDigest();
}
