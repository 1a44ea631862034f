using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Broker.Tests.Failures;
using Cloister.Cli.Offline;
using Cloister.Contracts.KmsV2;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>The host cuts the broker off and restarts the enclave, so that a revocation does not reach it.</summary>
internal sealed class RestartWithoutBroker() : Attack(
    "restart-without-broker", Attacker.Host, "the network and the enclave's restarts", Promise.Protected, "without a sealed copy an enclave starts without KEKs, and gets them from a broker only")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        EnclaveFolder folder = ground.Add(new EnclaveFolder(cluster.Enclaves));
        folder.Configure(cluster.Broker.Pin, [cluster.Broker.Url]);
        await using (EnclaveProcess enclave = new(folder))
        {
            await enclave.ReadyAsync();
        }

        folder.Configure(cluster.Broker.Pin, [new Uri($"https://127.0.0.1:{Conformance.Harness.LoopbackPort.Next()}")]);
        await using EnclaveProcess cut = new(folder);
        RpcException error = await cut.FailsAsync("");
        byte[] kek = await cluster.KekAsync();
        return new Outcome(
            ProcessMemory.Has(cut.Id, kek) ? Trial.Success("it has its KEK") : Trial.Refused(error.Status.Detail),
            Trial.Success("with the broker in reach the same enclave starts with its KEK"));
    }
}

/// <summary>Custody passthrough, which is the baseline: what protects is the KMS, if anything.</summary>
internal sealed class PassthroughWithKeyFile() : Attack(
    "custody-passthrough", Attacker.Thief, "the disk of a node with custody passthrough and a KMS whose key is in a file", Promise.NotProtected,
    "every value: passthrough is the baseline to compare with, the TEE protects nothing there")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Broker.Tests.Processes.BrokerFolder unused = ground.Add(new Broker.Tests.Processes.BrokerFolder());
        EnclaveFolder folder = ground.Add(new EnclaveFolder(unused));
        string keys = Path.Combine(folder.Folder, "kms.json");
        await File.WriteAllTextAsync(folder.Configuration, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c1
            provider: tee
            kms: { listen: "unix:{{folder.KmsSocket}}" }
            custody: { mode: passthrough }
            simulation: { remoteKms: { keyFile: {{keys}} } }
            """, ground.Stop);
        byte[] dek = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        await using EnclaveProcess enclave = new(folder);
        await enclave.ReadyAsync();
        EncryptResponse encrypted = await enclave.EncryptAsync(dek);
        byte[] kek = System.Text.Json.Nodes.JsonNode.Parse(await File.ReadAllTextAsync(keys, ground.Stop))!["keks"]![0]!["key"]!.GetValue<string>() is { } text
            ? text.Length == 64 ? Convert.FromHexString(text) : Convert.FromBase64String(text)
            : [];
        byte[] opened = OfflineEdek.Plaintext(kek, Cluster.Context, encrypted.Ciphertext.ToByteArray());
        return new Outcome(opened.AsSpan().SequenceEqual(dek) ? Trial.Success("the key file opens the EDEK away from the node") : Trial.Refused("another DEK"));
    }
}

/// <summary>A KEK of one namespace is known; the others' values are tried with it.</summary>
internal sealed class KekOfOneNamespace() : Attack(
    "kek-of-another-namespace", Attacker.Thief, "a copy of etcd, and the KEK of one namespace", Promise.Protected, "KEKs by namespace: one KEK opens the values of its namespaces only")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync(new ClusterOptions { MoreKeks = ["gold"], GatewayFields = "keks: [ { namespaces: [payments], kek: gold } ]" });
        (string gold, string other) = ($"{Cluster.Secrets}payments/one", $"{Cluster.Secrets}default/one");
        foreach (string key in (string[])[gold, other])
        {
            await Conformance.Harness.Eventually.HoldsAsync("the KEK is there", TimeSpan.FromSeconds(30), () => WritesAsync(cluster, key, ground), ground.Stop, () => cluster.Enclave.Log());
        }

        byte[] kek = await cluster.KekAsync(name: "gold");
        return new Outcome(await OpenAsync(cluster, kek, other, ground), await OpenAsync(cluster, kek, gold, ground) with { Detail = "it opens its own namespace's" });
    }

    private static async Task<bool> WritesAsync(Cluster cluster, string key, Ground ground)
    {
        try
        {
            await Cluster.WriteAsync(cluster.Through, key, "k8s NAMESPACE"u8.ToArray(), ground.Stop);
            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    private static async Task<Trial> OpenAsync(Cluster cluster, byte[] kek, string key, Ground ground)
    {
        byte[] stored = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        return OfflineStoredValue.Open([kek], Cluster.Context, System.Text.Encoding.UTF8.GetBytes(key), stored) is null ? Trial.Refused("does not open") : Trial.Success("opens");
    }
}
