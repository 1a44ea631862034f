using Cloister.Conformance.Harness;
using Cloister.Contracts.KmsV2;
using Cloister.Gramine.Tests.Ground;
using Cloister.Gramine.Tests.Worlds;

namespace Cloister.Gramine.Tests.Cases;

/// <summary>What the manifest gives is enough to serve.</summary>
public sealed class ServingTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_attests_to_a_broker_by_name_and_serves_KMS_through_the_relay()
    {
        await using SgxNode node = await SgxNode.StartAsync();
        using KmsClient kms = new(node.KmsSocket);
        StatusResponse status = await kms.StatusAsync();
        EncryptResponse encrypted = await kms.EncryptAsync([1, 2, 3]);

        Assert.Equal(("v2", "ok"), (status.Version, status.Healthz));
        Assert.Equal(status.KeyId, encrypted.KeyId);
        Assert.Equal([1, 2, 3], await kms.DecryptAsync(encrypted));
        Assert.Contains("TEE sgx", node.Log, StringComparison.Ordinal);
        Assert.Contains($"by https://{NameServer.Known}:", node.Log, StringComparison.Ordinal);
        (await SgxNode.CliAsync("probe", "--socket", node.KmsSocket)).EnsureSuccess();
    }

    [Fact]
    public async Task An_API_server_keeps_Secrets_behind_its_gateway()
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { Gateway = true });
        HarnessPrograms programs = await HarnessPrograms.GetAsync();
        string folder = Directory.CreateTempSubdirectory("cloister-api-").FullName;
        try
        {
            string kubeconfig = Path.Combine(folder, "kubeconfig");
            await using ApiServer server = await ApiServer.StartAsync(programs, folder, kubeconfig, ["--etcd-servers", node.Etcd!.Url, .. node.ThroughGateway], Stop);
            Kubectl kubectl = new(programs.PathOf("kubectl"), folder, kubeconfig);
            await node.HoldsAsync("the API server lists Secrets", async () => (await kubectl.RunAsync(Stop, "get", "secrets", "-o", "name")).Succeeded);

            (await kubectl.CreateSecretAsync("one", "correct horse", Stop)).EnsureSuccess();
            Assert.Equal("correct horse", await kubectl.ReadSecretAsync("one", Stop));
            string stored = System.Text.Encoding.Latin1.GetString((await node.Etcd.GetAsync(GatewayClient.Key("one"), Stop))!);
            Assert.StartsWith("k8s:enc:kms:v2:tee:", stored, StringComparison.Ordinal);
            Assert.DoesNotContain("correct horse", stored, StringComparison.Ordinal);
            (await kubectl.RunAsync(Stop, "delete", "secret", "one")).EnsureSuccess();
            Assert.Null(await node.Etcd.GetAsync(GatewayClient.Key("one"), Stop));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
