using System.Text;
using Cloister.Conformance.Harness;
using Cloister.Enclave.Gateway;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Real API-server code behind the gateway.</summary>
public sealed class ApiServerTests
{
    private const string StoredPrefix = "k8s:enc:kms:v2:cloister:";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SecretsLiveAndEtcdHoldsOnlyCiphertext()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync();
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
        Assert.Empty(kubernetes.Etcds.FilesWith("TOPSECRET"u8.ToArray()));
        Assert.NotEmpty(kubernetes.Etcds.FilesWith("CLEAR"u8.ToArray()));
        Assert.NotEmpty(kubernetes.Etcds.FilesWith(Encoding.ASCII.GetBytes(StoredPrefix)));
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
    public async Task APlantedSecretIsRefusedAndCanBeDeletedWhenSealed()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync(PlaintextMode.Sealed);
        await kubernetes.WithNothingAsync();
        await kubernetes.CreateAsync("planted", "by-the-host");
        await kubernetes.WithGatewayAsync(ready: false);
        await kubernetes.CreateAsync("mine", "mine");
        Assert.Equal("mine", await kubernetes.Kubectl.ReadSecretAsync("mine", Stop));
        Assert.False((await kubernetes.Kubectl.RunAsync(Stop, "get", "secret", "planted")).Succeeded);
        Assert.NotEqual(0, kubernetes.Etcds.Gateway.Counter("gateway_values_refused"));
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
}
