using Cloister.Conformance.Harness;
using Cloister.Contracts.Keys;
using Cloister.Contracts.StoredValues;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>KEKs by namespace, with real API-server code and a real etcd.</summary>
public sealed class NamespaceKekTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AnApiServerWithThePlainProviderReadsValuesUnderEveryKekAndTheGatewayReadsItsOwn()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync(keks: new KekRules([new KekRule(["payments"], "gold")]));
        string gold = kubernetes.Etcds.Gateway.Custody.Create("gold").KeyId;
        string main = kubernetes.Etcds.Gateway.Custody.Status.KeyId!;
        await kubernetes.WithGatewayAsync();
        await kubernetes.CreateAsync("db", "by-gateway-default");
        await CreateAsync(kubernetes, "db", "by-gateway-payments");
        Assert.Equal((main, gold), (await KeyIdAsync(kubernetes, "db", "default"), await KeyIdAsync(kubernetes, "db", "payments")));
        Assert.Equal("by-gateway-payments", await ReadAsync(kubernetes, "db"));

        await kubernetes.WithPluginAsync();
        Assert.Equal("by-gateway-default", await kubernetes.Kubectl.ReadSecretAsync("db", Stop));
        Assert.Equal("by-gateway-payments", await ReadAsync(kubernetes, "db"));
        await CreateAsync(kubernetes, "plugin", "by-plugin-payments");
        Assert.Equal(main, await KeyIdAsync(kubernetes, "plugin", "payments"));

        await kubernetes.WithGatewayAsync();
        Assert.Equal("by-plugin-payments", await ReadAsync(kubernetes, "plugin"));
        (await kubernetes.Kubectl.RunAsync(Stop, "annotate", "secret", "plugin", "-n", "payments", "rewritten=1")).EnsureSuccess();
        Assert.Equal(gold, await KeyIdAsync(kubernetes, "plugin", "payments"));
        string names = (await kubernetes.Kubectl.RunAsync(Stop, "get", "secrets", "-A", "-o", "name")).EnsureSuccess();
        Assert.Equal("secret/db\nsecret/db\nsecret/plugin\n", names);
        Assert.Equal(0, kubernetes.Etcds.Gateway.Counter("gateway_values_undecryptable"));
    }

    [Fact]
    public async Task WithoutItsKekANamespaceIsRefusedWithTheReasonAndOthersGoOn()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync(keks: new KekRules([new KekRule(["payments"], "gold")]));
        await kubernetes.WithGatewayAsync();
        CommandResult refused = await kubernetes.Kubectl.RunAsync(Stop, "-n", "payments", "create", "secret", "generic", "db", "--from-literal=password=x");
        Assert.False(refused.Succeeded);
        Assert.Contains("KEK gold, which gateway.keks names for this namespace", refused.Error, StringComparison.Ordinal);
        await kubernetes.CreateAsync("db", "goes-on");
        Assert.Equal("goes-on", await kubernetes.Kubectl.ReadSecretAsync("db", Stop));
    }

    private static async Task CreateAsync(KubernetesUnderTest kubernetes, string name, string password) =>
        (await kubernetes.Kubectl.RunAsync(Stop, "-n", "payments", "create", "secret", "generic", name, $"--from-literal=password={password}")).EnsureSuccess();

    private static async Task<string> ReadAsync(KubernetesUnderTest kubernetes, string name)
    {
        CommandResult result = await kubernetes.Kubectl.RunAsync(Stop, "-n", "payments", "get", "secret", name, "-o", "jsonpath={.data.password}");
        return System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(result.EnsureSuccess()));
    }

    private static async Task<string> KeyIdAsync(KubernetesUnderTest kubernetes, string name, string ns) =>
        EncryptedObject.Parse(StoredValue.Parse((await kubernetes.StoredAsync(name, ns))!).Body).KeyIdText;
}
