using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Enclave.Custody.Values;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>What real API-server code makes of values that the gateway does not read, and the ways out.</summary>
public sealed class UnreadableTests
{
    private const string Identity = "identity transformer tried to read encrypted data";
    private const string WayOut = "/registry/secrets/default/planted is in clear in etcd, which mode sealed refuses: delete it there (etcdctl del KEY), "
        + "or encrypt it if it is yours (cloister etcd rewrap --include-plaintext --prefix KEY), or go back to mode adopt";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task APlantedSecretIsRefusedAndCanBeDeletedWhenSealed()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync(PlaintextMode.Sealed);
        await kubernetes.WithNothingAsync();
        await kubernetes.CreateAsync("planted", "by-the-host");
        await kubernetes.WithGatewayAsync(ready: false);
        await kubernetes.CreateAsync("mine", "mine");
        Assert.Equal("mine", await kubernetes.Kubectl.ReadSecretAsync("mine", Stop));
        CommandResult refused = await kubernetes.Kubectl.RunAsync(Stop, "get", "secret", "planted");
        Assert.False(refused.Succeeded);
        Assert.Contains(WayOut, refused.Error, StringComparison.Ordinal);
        Assert.NotEqual(0, kubernetes.Etcds.Gateway.Counter("gateway_values_refused"));
        Assert.Contains(kubernetes.Etcds.Gateway.Log.Lines, line => line.Contains(WayOut, StringComparison.Ordinal));
        CommandResult list = await ListAsync(kubernetes);
        Assert.False(list.Succeeded);
        Assert.Contains(WayOut, list.Error, StringComparison.Ordinal);

        await kubernetes.DeleteInEtcdAsync("planted");
        await OnlyListedAsync(kubernetes, "mine");
        await kubernetes.CreateAsync("planted", "by-the-cluster");
        Assert.Equal("by-the-cluster", await kubernetes.Kubectl.ReadSecretAsync("planted", Stop));
    }

    [Fact]
    public async Task AValueThatDoesNotOpenFailsItselfAndListsUntilItIsDeleted()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync();
        await kubernetes.WithGatewayAsync();
        await kubernetes.CreateAsync("mine", "mine");
        await using ChildProcess watch = kubernetes.Kubectl.Watch();
        await watch.WaitForLineAsync(line => line == "secret/mine", Timeout, Stop);
        byte[] stored = (await kubernetes.StoredAsync("mine"))!;
        await PlantAsync(kubernetes, "moved", stored);

        // With a watch cache that was full before.
        CommandResult? list = null;
        await Eventually.HoldsAsync("lists fail", Timeout, async () => (list = await ListAsync(kubernetes)).Error.Contains(Identity, StringComparison.Ordinal), Stop);
        Assert.False((await kubernetes.Kubectl.RunAsync(Stop, "get", "secrets", "-A", "--request-timeout", "10s")).Succeeded);
        Assert.True((await kubernetes.Kubectl.RunAsync(Stop, "get", "secrets", "-n", "elsewhere")).Succeeded);
        Assert.Contains("unable to transform key \"/registry/secrets/default/moved\"", list!.Error, StringComparison.Ordinal);
        CommandResult moved = await kubernetes.Kubectl.RunAsync(Stop, "get", "secret", "moved");
        Assert.Contains(Identity, moved.Error, StringComparison.Ordinal);
        Assert.Equal("mine", await kubernetes.Kubectl.ReadSecretAsync("mine", Stop));
        await kubernetes.CreateAsync("more", "more");
        Assert.Equal("more", await kubernetes.Kubectl.ReadSecretAsync("more", Stop));
        Assert.Equal(stored, await kubernetes.StoredAsync("moved"));
        Assert.NotEqual(0, kubernetes.Etcds.Gateway.Counter("gateway_values_undecryptable"));
        Assert.Contains(kubernetes.Etcds.Gateway.Log.Lines, line => line.Contains("/registry/secrets/default/moved does not open", StringComparison.Ordinal));

        await kubernetes.DeleteInEtcdAsync("moved");
        await OnlyListedAsync(kubernetes, "mine", "more");
    }

    [Fact]
    public async Task AnApiServerWithTheGateDeletesBothByItself()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync(PlaintextMode.Sealed);
        await kubernetes.WithNothingAsync();
        await kubernetes.CreateAsync("planted", "by-the-host");
        await kubernetes.WithGatewayAsync(ready: false, "--feature-gates", "AllowUnsafeMalformedObjectDeletion=true");
        await kubernetes.CreateAsync("mine", "mine");
        await PlantAsync(kubernetes, "moved", (await kubernetes.StoredAsync("mine"))!);
        using HttpClient api = kubernetes.Api();

        Assert.False((await ListAsync(kubernetes)).Succeeded);
        foreach ((string name, string why) in (List<(string, string)>)[("planted", WayOut), ("moved", Identity)])
        {
            string message = await MessageAsync(await api.GetAsync(Path(name), Stop), HttpStatusCode.InternalServerError);
            Assert.Contains(why, message, StringComparison.Ordinal);
            message = await MessageAsync(await DeleteAsync(api, name, unsafely: false), HttpStatusCode.InternalServerError);
            Assert.Contains(why, message, StringComparison.Ordinal);
            Assert.NotNull(await kubernetes.StoredAsync(name));
            await MessageAsync(await DeleteAsync(api, name, unsafely: true), HttpStatusCode.OK);
            Assert.Null(await kubernetes.StoredAsync(name));
        }

        await OnlyListedAsync(kubernetes, "mine");
    }

    private static string Path(string name) => $"/api/v1/namespaces/default/secrets/{name}";

    private static async Task<HttpResponseMessage> DeleteAsync(HttpClient api, string name, bool unsafely)
    {
        using HttpRequestMessage request = new(HttpMethod.Delete, Path(name))
        {
            Content = JsonContent.Create(new { apiVersion = "v1", kind = "DeleteOptions", ignoreStoreReadErrorWithClusterBreakingPotential = unsafely }),
        };
        return await api.SendAsync(request, Stop);
    }

    private static async Task<string> MessageAsync(HttpResponseMessage response, HttpStatusCode expected)
    {
        using (response)
        {
            using JsonDocument status = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Stop));
            Assert.True(response.StatusCode == expected, $"{response.StatusCode}: {status.RootElement}");
            return status.RootElement.TryGetProperty("message", out JsonElement message) ? message.GetString()! : "";
        }
    }

    private static Task<CommandResult> ListAsync(KubernetesUnderTest kubernetes) =>
        kubernetes.Kubectl.RunAsync(Stop, "get", "secrets", "-o", "name", "--request-timeout", "10s");

    private static async Task OnlyListedAsync(KubernetesUnderTest kubernetes, params string[] names)
    {
        CommandResult? last = null;
        string expected = string.Concat(names.Select(name => $"secret/{name}\n"));
        await Eventually.HoldsAsync(
            "the list is back", Timeout, async () => (last = await ListAsync(kubernetes)).Succeeded && last.Output == expected, Stop, () => $"{last?.Output}{last?.Error}");
    }

    private static async Task PlantAsync(KubernetesUnderTest kubernetes, string name, byte[] stored)
    {
        PutRequest put = new() { Key = ByteString.CopyFromUtf8($"/registry/secrets/default/{name}"), Value = ByteString.CopyFrom(stored) };
        await kubernetes.Etcds.Direct.Kv.TxnAsync(new TxnRequest { Success = { new RequestOp { RequestPut = put } } }, cancellationToken: Stop);
    }
}
