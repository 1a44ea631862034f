using System.Text.Json.Nodes;
using Cloister.Cli.Demo;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Demo;

[Collection(nameof(Alone))]
public sealed class DemoTests
{
    [Fact]
    public async Task Everything_holds_and_is_told()
    {
        using ScratchFolder folder = new();
        CliResult result = (await CliProcess.RunAsync("demo", "--secrets", "20", "--kms-latency-ms", "1", "--html", folder["demo.html"], "-o", "json")).MustSucceed();
        DemoPageTests.MustSay(await File.ReadAllTextAsync(folder["demo.html"], TestContext.Current.CancellationToken), result.Json);
        Assert.Equal([folder["demo.html"]], Directory.GetFileSystemEntries(folder[""]));
        Assert.Contains("running: ", result.Errors, StringComparison.Ordinal);
        Dictionary<string, JsonNode> scenarios = result.Json["scenarios"]!.AsArray().ToDictionary(scenario => (string)scenario!["name"]!, scenario => scenario!);

        bool harness = ApiServerHarness.Find() is not null;
        Assert.Equal([.. (string[])["attested"], .. harness ? ["gateway"] : (string[])[], "manual", "passthrough", "remote"], scenarios.Keys.Order());
        foreach (JsonNode scenario in scenarios.Values)
        {
            Assert.Equal(20, (int)scenario["secrets"]!);
            foreach (string field in (string[])["writeP50Us", "writeP99Us", "readP50Us", "readP99Us"])
            {
                Assert.InRange((double)scenario[field]!, 1, 1e9);
            }
        }

        Assert.InRange((int)scenarios["passthrough"]["remoteCalls"]!, 40, int.MaxValue);
        Assert.InRange((int)scenarios["remote"]["remoteCalls"]!, 1, 19);
        Assert.Equal(0, (int)scenarios["manual"]["remoteCalls"]!);
        Assert.Equal(1, (int)scenarios["attested"]["remoteCalls"]!);
        Assert.NotEmpty(scenarios["passthrough"]["kekFoundIn"]!.AsArray());
        Assert.NotEmpty(scenarios["passthrough"]["dekFoundIn"]!.AsArray());
        foreach (string custody in scenarios.Keys.Where(name => name != "passthrough"))
        {
            Assert.Empty(scenarios[custody]["kekFoundIn"]!.AsArray());
            Assert.Empty(scenarios[custody]["dekFoundIn"]!.AsArray());
        }

        MustShowTheGateway(result.Json, scenarios.GetValueOrDefault("gateway"));
        MustShowTheToken(result.Json);
        JsonArray refusals = result.Json["refusals"]!.AsArray();
        Assert.InRange(refusals.Count, 12, int.MaxValue);
        Assert.Superset(new HashSet<string> { "enclave", "quote_signature", "report_data", "Status", "memory" }, refusals.Select(refusal => (string)refusal!["step"]!).ToHashSet());
        Assert.All(refusals, refusal =>
        {
            Assert.NotEqual("", (string)refusal!["case"]!);
            Assert.NotEqual("", (string)refusal["step"]!);
            Assert.True((bool)refusal["refused"]!);
        });
    }

    // One Secret clear on one side of the gateway and not on the other; and the seed that a plugin cannot keep out of an API server.
    private static void MustShowTheGateway(JsonNode told, JsonNode? gateway)
    {
        JsonNode way = told["secretThroughGateway"]!;
        if (gateway is null)
        {
            Assert.Contains(told["leftOut"]!.AsArray(), one => ((string)one!["why"]!).Contains("eng/apiserver-harness", StringComparison.Ordinal));
            return;
        }

        Assert.True((bool)way["held"]!);
        Assert.Contains("correct horse", (string)way["apiServerSends"]!, StringComparison.Ordinal);
        Assert.StartsWith("k8s:enc:kms:v2:demo:", (string)way["etcdHolds"]!, StringComparison.Ordinal);
        Assert.DoesNotContain("correct horse", (string)way["etcdHolds"]!, StringComparison.Ordinal);
        Assert.Equal((string)way["apiServerSends"]!, (string)way["readThroughGateway"]!);

        MustHaveScannedUnderLoad(gateway, least: 20, keks: ["enclave"], seeds: ["enclave"]);
        JsonNode plugin = told["endToEnd"]!;
        Assert.Equal(["api-server"], Names(plugin["seedFoundIn"]!));
        MustHaveScannedUnderLoad(plugin, least: 2, keks: [], seeds: ["api-server"]);
    }

    // Twice, each while Secrets were written and read in every process's turn: one of each for two processes at least.
    private static void MustHaveScannedUnderLoad(JsonNode told, int least, string[] keks, string[] seeds)
    {
        JsonArray scans = told["scansUnderLoad"]!.AsArray();
        Assert.Equal(2, scans.Count);
        Assert.All(scans, scan =>
        {
            Assert.InRange((int)scan!["values"]!, least, int.MaxValue);
            Assert.InRange((long)scan["writesMeanwhile"]!, 2, long.MaxValue);
            Assert.InRange((long)scan["readsMeanwhile"]!, 2, long.MaxValue);
            Assert.Equal(keks, Names(scan["kekFoundIn"]!));
            Assert.Equal(seeds, Names(scan["seedFoundIn"]!));
        });
        Assert.True((int)scans[1]!["values"]! > (int)scans[0]!["values"]!, "the second scan looks for the keys of what was written during the first");
    }

    private static IEnumerable<string> Names(JsonNode names) => names.AsArray().Select(name => (string)name!);

    private static void MustShowTheToken(JsonNode told)
    {
        JsonNode? token = told["comparison"]!.AsArray().FirstOrDefault(one => (string)one!["name"]! == "remote-softhsm");
        Assert.Equal(SoftHsmToken.Missing is null, token is not null);
        if (token is not null)
        {
            Assert.True((bool)token["holds"]!);
            Assert.False((bool)token["kekLookedFor"]!);
            Assert.InRange((int)token["remoteCalls"]!, 1, 19);
        }
    }

    [Theory]
    [InlineData("--secrets", "0")]
    [InlineData("--secrets", "100001")]
    [InlineData("--kms-latency-ms", "-1")]
    [InlineData("--html", "")]
    [InlineData("--html", "/proc/nowhere/demo.html")]
    [InlineData("--html", "/tmp")]
    public async Task Bad_values_are_refused(string option, string value) =>
        (await CliProcess.RunAsync("demo", option, value)).MustBeRefused(option);
}
