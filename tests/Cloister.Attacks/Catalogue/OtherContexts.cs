using Cloister.Attacks.Framework;
using Cloister.Broker.Tests.Failures;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.KmsV2;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>EDEKs of one cluster or provider are given to the enclave of another that uses the very same KEK (a remote KMS that both have).</summary>
internal abstract class ContextAttack(string name, string has, string how, string cluster, string provider) : Attack(name, Attacker.EtcdWriter, has, Promise.Protected, how)
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        BrokerFolder unused = ground.Add(new BrokerFolder());
        EnclaveFolder folder = ground.Add(new EnclaveFolder(unused));
        byte[] secret = [1, 2, 3, 4, 5, 6, 7, 8];
        EncryptResponse encrypted;
        await using (EnclaveProcess enclave = await StartAsync(folder, "c1", "tee"))
        {
            encrypted = await enclave.EncryptAsync(secret);
        }

        Trial attempt = await TryAsync(folder, cluster, provider, encrypted);
        return new Outcome(attempt, await TryAsync(folder, "c1", "tee", encrypted) with { Detail = "an enclave of the same cluster and provider opens it" });
    }

    private static async Task<Trial> TryAsync(EnclaveFolder folder, string cluster, string provider, EncryptResponse encrypted)
    {
        await using EnclaveProcess enclave = await StartAsync(folder, cluster, provider);
        try
        {
            await enclave.DecryptAsync(encrypted);
            return Trial.Success("opened");
        }
        catch (RpcException e)
        {
            return Trial.Refused(e.Status.Detail);
        }
    }

    private static async Task<EnclaveProcess> StartAsync(EnclaveFolder folder, string cluster, string provider)
    {
        await File.WriteAllTextAsync(folder.Configuration, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: {{cluster}}
            provider: {{provider}}
            kms: { listen: "unix:{{folder.KmsSocket}}" }
            custody: { mode: remote }
            simulation: { remoteKms: { keyFile: {{folder.Folder}}/kms.json } }
            """);
        EnclaveProcess enclave = new(folder);
        try
        {
            await enclave.ReadyAsync();
            return enclave;
        }
        catch
        {
            await enclave.DisposeAsync();
            throw;
        }
    }
}

internal sealed class EdekOfAnotherCluster() : ContextAttack(
    "edek-of-another-cluster", "EDEKs of another cluster, and may use the enclave of his own; both have the same KEK", "an EDEK is bound to its cluster's name", "c2", "tee");

internal sealed class EdekOfAnotherProvider() : ContextAttack(
    "edek-of-another-provider", "EDEKs of another provider name on the same KEK", "an EDEK is bound to its provider's name", "c1", "other");
