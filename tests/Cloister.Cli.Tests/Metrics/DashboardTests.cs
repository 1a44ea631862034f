using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Deploy;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>Every panel of every dashboard, asked of a real Prometheus that scrapes real programs through some load; and the files' form.</summary>
public sealed class DashboardTests
{
    /// <summary>Panels without a series here, and why.</summary>
    private static readonly Dictionary<string, string> Empty = new()
    {
        ["Keys that API servers use"] = "no API server is scraped",
        ["Status, by reason"] = "nothing is wrong",
        ["KMS calls that fail"] = "none fails",
        ["Evidence refused"] = "none is refused",
        ["Collateral"] = "brokers look a minute after their start",
        ["Entries of the audit log/B"] = "no place outside is configured",
        ["Renewals/B"] = "none fails",
    };

    private static readonly string[] Types = ["row", "timeseries", "stat", "table"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static IEnumerable<(string File, JsonNode Dashboard)> Dashboards =>
        Directory.GetFiles(DeployFiles.File("grafana"), "*.json").Order().Select(file => (Path.GetFileName(file), JsonNode.Parse(File.ReadAllText(file))!));

    [Fact]
    public void Files_have_the_form_of_dashboards()
    {
        (string File, JsonNode Dashboard)[] all = [.. Dashboards];
        Assert.Equal(["cloister-broker.json", "cloister-fleet.json", "cloister-gateway.json", "cloister-rotation.json"], all.Select(one => one.File));
        Assert.Distinct(all.Select(one => (string)one.Dashboard["uid"]!));
        Assert.All(all, one =>
        {
            JsonArray panels = one.Dashboard["panels"]!.AsArray();
            Assert.Distinct(panels.Select(panel => (int)panel!["id"]!));
            bool[,] taken = new bool[200, 24];
            Assert.All(panels, panel =>
            {
                Assert.Contains((string)panel!["type"]!, Types);
                Assert.NotEqual("", (string)panel["title"]!);
                JsonNode at = panel["gridPos"]!;
                for (int y = (int)at["y"]!; y < (int)at["y"]! + (int)at["h"]!; y++)
                {
                    for (int x = (int)at["x"]!; x < (int)at["x"]! + (int)at["w"]!; x++)
                    {
                        Assert.False(taken[y, x], $"{panel["title"]} lies on another panel");
                        taken[y, x] = true;
                    }
                }

                if ((string)panel["type"]! != "row")
                {
                    Assert.Equal("${datasource}", (string)panel["datasource"]!["uid"]!);
                    Assert.NotEmpty(panel["targets"]!.AsArray());
                    Assert.Distinct(panel["targets"]!.AsArray().Select(target => (string)target!["refId"]!));
                }
            });
        });
    }

    [Fact]
    public async Task Every_panel_has_series_or_a_reason_to_have_none()
    {
        await using ObservedStack stack = await ObservedStack.StartAsync("--report", "DIR/coverage.json", "--report", "DIR/rotation.json");
        await using PrometheusProcess prometheus = await PrometheusProcess.StartAsync(stack, shorter: 1);
        await LoadAsync(stack);
        await stack.ReportAsync("coverage.json", "coverage", "--socket", stack.KmsSocket, "--require", "current");
        await stack.ReportAsync("rotation.json", "rotation", "status", "--socket", stack.KmsSocket, "--secrets-socket", stack.Folder["d/secrets.sock"]);
        (string Panel, string Expression)[] asked = [.. Dashboards.SelectMany(one => one.Dashboard["panels"]!.AsArray().Where(panel => panel!["targets"] is not null).SelectMany(panel =>
            panel!["targets"]!.AsArray().Select(target => (
                $"{panel["title"]}/{target!["refId"]}",
                ((string)target["expr"]!).Replace("$__rate_interval", "30s", StringComparison.Ordinal).Replace("$instance", ".*", StringComparison.Ordinal)))))];
        Assert.True(asked.Length > 60);
        List<string> without = [];
        await Eventually.TrueAsync(
            async () =>
            {
                without.Clear();
                foreach ((string panel, string expression) in asked)
                {
                    if (await prometheus.CountAsync(expression) == 0)
                    {
                        without.Add(panel);
                    }
                }

                return without.TrueForAll(panel => Empty.ContainsKey(panel) || Empty.ContainsKey(panel.Split('/')[0]));
            },
            "every panel has series",
            TimeSpan.FromSeconds(40));
    }

    private static async Task LoadAsync(ObservedStack stack)
    {
        using Dev.GatewayClient gateway = stack.ThroughGateway();
        for (int i = 0; i < 5; i++)
        {
            (await CliProcess.RunAsync("probe", "--socket", stack.RelaySocket, "--api", "v2", "--count", "5")).MustSucceed();
            await gateway.PutAsync($"/registry/secrets/default/s{i}", "value");
            await gateway.GetAsync($"/registry/secrets/default/s{i}");
            await Task.Delay(500, Stop);
        }
    }
}
