using System.Text;
using System.Text.Json;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Real API-server code behind the gateway.</summary>
public sealed class ApiServerTests
{
    private const string StoredPrefix = "k8s:enc:kms:v2:cloister:";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData("bookworm")]
    public async Task SecretsLiveAndEtcdHoldsOnlyCiphertext(string? debian)
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync(debian: debian);
        await kubernetes.WithGatewayAsync();
        Kubectl kubectl = kubernetes.Kubectl;
        await using ChildProcess watch = kubectl.Watch();
        await kubernetes.CreateAsync("db", "TOPSECRET-one");
        Assert.Equal("TOPSECRET-one", await kubectl.ReadSecretAsync("db", Stop));
        await watch.WaitForLineAsync(line => line == "secret/db", TimeSpan.FromSeconds(30), Stop);
        Assert.StartsWith(StoredPrefix, Encoding.Latin1.GetString((await kubernetes.StoredAsync("db"))!), StringComparison.Ordinal);

        (await kubectl.RunAsync(Stop, "patch", "secret", "db", "-p", "{\"stringData\":{\"password\":\"TOPSECRET-two\"}}")).EnsureSuccess();
        Assert.Equal("TOPSECRET-two", await kubectl.ReadSecretAsync("db", Stop));
        await kubernetes.CreateAsync("other", "TOPSECRET-three");
        string names = (await kubectl.RunAsync(Stop, "get", "secrets", "-o", "name")).EnsureSuccess();
        Assert.Equal("secret/db\nsecret/other\n", names);
        (await kubectl.RunAsync(Stop, "create", "configmap", "plain", "--from-literal=a=CLEAR")).EnsureSuccess();
        (await kubectl.RunAsync(Stop, "delete", "secret", "db")).EnsureSuccess();
        Assert.Null(await kubernetes.StoredAsync("db"));
        Assert.True(await kubectl.IsOkAsync("/livez", Stop));

        // The database and the write-ahead log, with every revision.
        Assert.Empty(await kubernetes.Etcds.FilesWithAsync("TOPSECRET"u8.ToArray(), Stop));
        Assert.NotEmpty(await kubernetes.Etcds.FilesWithAsync("CLEAR"u8.ToArray(), Stop));
        Assert.NotEmpty(await kubernetes.Etcds.FilesWithAsync(Encoding.ASCII.GetBytes(StoredPrefix), Stop));
        Assert.Equal(0, kubernetes.Etcds.Gateway.Counter("gateway_values_undecryptable"));
        Assert.Equal(0, kubernetes.Etcds.Gateway.Counter("gateway_calls_refused"));
    }

    [Fact]
    public async Task GatewayAndPluginReadEachOthersSecrets()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync();
        await kubernetes.WithNothingAsync();
        await kubernetes.CreateAsync("plain", "by-nobody");

        // Adopted: what was in clear is read, and encrypted when it is written.
        await kubernetes.WithGatewayAsync();
        Assert.Equal("by-nobody", await kubernetes.Kubectl.ReadSecretAsync("plain", Stop));
        await kubernetes.Kubectl.RunAsync(Stop, "annotate", "secret", "plain", "rewritten=1");
        Assert.StartsWith(StoredPrefix, Encoding.Latin1.GetString((await kubernetes.StoredAsync("plain"))!), StringComparison.Ordinal);
        await kubernetes.CreateAsync("gateway", "by-gateway");

        // Rolled back to the plugin, and forth again.
        await kubernetes.WithPluginAsync();
        Assert.Equal("by-gateway", await kubernetes.Kubectl.ReadSecretAsync("gateway", Stop));
        Assert.Equal("by-nobody", await kubernetes.Kubectl.ReadSecretAsync("plain", Stop));
        await kubernetes.CreateAsync("plugin", "by-plugin");
        await kubernetes.WithGatewayAsync();
        Assert.Equal("by-plugin", await kubernetes.Kubectl.ReadSecretAsync("plugin", Stop));
        Assert.Equal("by-gateway", await kubernetes.Kubectl.ReadSecretAsync("gateway", Stop));
        Assert.Equal(0, kubernetes.Etcds.Gateway.Counter("gateway_values_undecryptable"));
    }

    [Fact]
    public async Task AWatchSurvivesEtcdsRestart()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync();
        await kubernetes.WithGatewayAsync();
        await using ChildProcess watch = kubernetes.Kubectl.Watch();
        await kubernetes.CreateAsync("before", "1");
        await watch.WaitForLineAsync(line => line == "secret/before", TimeSpan.FromSeconds(30), Stop);
        await kubernetes.Etcds.RestartAsync(Stop);
        await kubernetes.CreateAsync("after", "2");
        await watch.WaitForLineAsync(line => line == "secret/after", TimeSpan.FromSeconds(60), Stop);
        Assert.Equal("1", await kubernetes.Kubectl.ReadSecretAsync("before", Stop));
    }

    [Fact]
    public async Task AListOfTenThousandIsRead()
    {
        const int Count = 10_000;
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync();
        await kubernetes.WithGatewayAsync();
        await kubernetes.CreateAsync("s00000", "TOPSECRET");

        // Its stored form under other names of the same length: as many Secrets as can be written fast.
        RawEtcd through = kubernetes.Etcds.Through;
        ByteString key = ByteString.CopyFromUtf8("/registry/secrets/default/s00000");
        string model = (await through.Kv.RangeAsync(new RangeRequest { Key = key }, cancellationToken: Stop)).Kvs[0].Value.ToString(Encoding.Latin1);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(worker => Task.Run(
            async () =>
            {
                for (int i = 1 + worker; i < Count; i += 16)
                {
                    string name = $"s{i:D5}";
                    RequestOp put = new()
                    {
                        RequestPut = new PutRequest
                        {
                            Key = ByteString.CopyFromUtf8($"/registry/secrets/default/{name}"),
                            Value = ByteString.CopyFrom(model.Replace("s00000", name, StringComparison.Ordinal), Encoding.Latin1),
                        },
                    };
                    await through.Kv.TxnAsync(new TxnRequest { Success = { put } }, cancellationToken: Stop);
                }
            },
            Stop)));

        // Just restarted: everything comes from etcd.
        await kubernetes.WithGatewayAsync();
        using HttpClient api = kubernetes.Api();
        using JsonDocument list = JsonDocument.Parse(await api.GetStringAsync("/api/v1/secrets", Stop));
        List<string> names = [.. list.RootElement.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("metadata").GetProperty("name").GetString()!)];
        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"s{i:D5}"), names);
        Assert.Equal(0, kubernetes.Etcds.Gateway.Counter("gateway_values_undecryptable"));
    }
}
