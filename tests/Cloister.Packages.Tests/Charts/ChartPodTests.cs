using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Cloister.Packages.Tests.Images;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Charts;

/// <summary>
/// The pod of the chart's StatefulSet, run by podman with the broker's image. podman knows no StatefulSet, asks no HTTPS probes and has no network of pods here: the test makes the
/// pod and the claim of the template's, asks what the probes ask, and gives the pod the machine's network.
/// </summary>
public sealed class ChartPodTests
{
    private const string Policy = """
        apiVersion: cloister.dev/v1alpha1
        kind: ReleasePolicy
        metadata: { name: production }
        spec:
          appraisal:
            sgx:
              debug: refuse
              enclave: [ { mrenclave: "1111111111111111111111111111111111111111111111111111111111111111" } ]
              configid: any
              tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: 1, minDate: any }
              platforms: { allow: any }
              reportData: expected
          configDigests: any
          lease: { wraps: 10, unwraps: 10 }

        """;

    [Fact]
    public async Task The_broker_s_pod_serves_and_keeps_pin_and_KEK_over_kill_and_restart()
    {
        await using Podman podman = await Podman.StartAsync("cloister-broker");
        using Chart chart = new();
        string cloister = $"{await Built.CommandAsync()}/usr/lib/cloister/cloister";
        string key = await podman.RunAsync($"{cloister} admin keygen --name alice --certificate {podman["alice.crt"]} --key {podman["alice.key"]} | grep -oE 'sha256:[^ ]+' | head -n 1");
        string digest = await podman.RunAsync($"podman inspect localhost/cloister-broker:{Built.Version} --format '{{{{.Digest}}}}'");
        (int enclaves, int admin) = FreePorts();
        JsonNode[] objects = await chart.RenderAsync(Chart.Sqlite, $$"""
            image: { repository: localhost/cloister-broker, digest: "{{digest}}" }
            brokerConfiguration:
              listen: 0.0.0.0:{{enclaves}}
              admin: { listen: "0.0.0.0:{{admin}}", administrators: [{ name: alice, key: "{{key}}", roles: [auditor, operator] }] }

            """);
        JsonNode set = Chart.Find(objects, "StatefulSet")["spec"]!;
        (JsonNode pod, string[] probes) = PodOf(set);
        await File.WriteAllTextAsync(podman["claims.yaml"], Chart.Documents(Claims(set)), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(podman["pod.yaml"], Chart.Documents(Chart.Find(objects, "ConfigMap"), pod), TestContext.Current.CancellationToken);
        await podman.RunAsync($"podman kube play {podman["claims.yaml"]}; podman kube play {podman["pod.yaml"]}");

        // What a kubelet would ask, over TLS.
        Assert.Equal(3, probes.Length);
        string ready = string.Join(" && ", probes.Select(path => $"curl -skf --max-time 5 https://127.0.0.1:{enclaves}{path}"));
        await podman.EventuallyAsync(ready);
        string pin = await podman.RunAsync($"podman logs {Chart.Release}-0-broker 2>/dev/null | grep '^ready' | sed -nE 's/.* pin (sha256:[^ ]+).*/\\1/p'");
        Assert.Equal("65532", await podman.RunAsync($"awk '/^Uid:/ {{print $2}}' /proc/$(podman inspect {Chart.Release}-0-broker --format '{{{{.State.Pid}}}}')/status"));

        await File.WriteAllTextAsync(podman["policy.yaml"], Policy, TestContext.Current.CancellationToken);
        string broker = $"--broker https://127.0.0.1:{admin} --pin {pin} --certificate {podman["alice.crt"]} --key {podman["alice.key"]}";
        await podman.RunAsync($"{cloister} policy set --name production --file {podman["policy.yaml"]} {broker}");
        await podman.RunAsync($"{cloister} kek create --name k --cluster c --policy production {broker}");
        string keks = $"{cloister} kek list -o json {broker}";
        string before = await podman.RunAsync(keks);
        Assert.Contains("\"production\"", before, StringComparison.Ordinal);

        // A crash: what restarts containers brings it back. Then the pod anew on the same claim, as a StatefulSet makes it.
        await podman.RunAsync($"kill -KILL $(podman inspect {Chart.Release}-0-broker --format '{{{{.State.Pid}}}}')");
        await podman.EventuallyAsync(ready);
        Assert.Equal(before, await podman.RunAsync(keks));
        await podman.RunAsync($"podman pod rm --force {Chart.Release}-0; podman kube play {podman["pod.yaml"]}");
        await podman.EventuallyAsync(ready);
        Assert.Equal(before, await podman.RunAsync(keks));
    }

    private static (JsonNode Pod, string[] Probes) PodOf(JsonNode set)
    {
        JsonNode spec = set["template"]!["spec"]!.DeepClone();
        JsonObject container = spec["containers"]![0]!.AsObject();
        List<string> probes = [];
        foreach (string probe in (string[])["startupProbe", "livenessProbe", "readinessProbe"])
        {
            JsonNode get = container[probe]!["httpGet"]!;
            Assert.Equal(("HTTPS", "enclaves"), ((string?)get["scheme"], (string?)get["port"]));
            probes.Add((string)get["path"]!);
            container.Remove(probe);
        }

        container.Remove("ports");
        spec["hostNetwork"] = true;
        JsonArray volumes = spec["volumes"]!.AsArray();
        foreach (JsonNode? volume in volumes.Where(volume => volume!["emptyDir"] is not null).ToArray())
        {
            volume!.AsObject().Remove("emptyDir");
            volume["persistentVolumeClaim"] = new JsonObject { ["claimName"] = (string)volume["name"]! };
        }

        foreach (JsonNode? claim in set["volumeClaimTemplates"]!.AsArray())
        {
            string name = (string)claim!["metadata"]!["name"]!;
            volumes.Add(new JsonObject { ["name"] = name, ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = name } });
        }

        return (new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Pod", ["metadata"] = new JsonObject { ["name"] = $"{Chart.Release}-0" }, ["spec"] = spec }, [.. probes]);
    }

    private static IEnumerable<JsonNode> Claims(JsonNode set) => set["volumeClaimTemplates"]!.AsArray().Select(claim => new JsonObject
    {
        ["apiVersion"] = "v1", ["kind"] = "PersistentVolumeClaim", ["metadata"] = claim!["metadata"]!.DeepClone(), ["spec"] = claim["spec"]!.DeepClone(),
    });

    private static (int First, int Second) FreePorts()
    {
        using TcpListener first = new(IPAddress.Loopback, 0);
        using TcpListener second = new(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }
}
