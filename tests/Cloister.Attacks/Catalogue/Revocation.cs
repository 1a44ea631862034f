using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Broker.State.Revocations;
using Cloister.Contracts.KmsV2;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>An enclave is revoked, and its host goes on asking it, and looks into its memory.</summary>
internal sealed class RevokedEnclave() : Attack(
    "revoked-enclave-goes-on", Attacker.Resident, "a live enclave whose KEK the key owner has revoked", Promise.Protected,
    "it wipes its KEK: Status is an error, nothing is decrypted, and the KEK is in its memory no more")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync(new ClusterOptions { Gateway = false });
        byte[] kek = await cluster.KekAsync();
        EncryptResponse encrypted = await cluster.Enclave.EncryptAsync(new byte[32]);
        bool there = ProcessMemory.Has(cluster.Enclave.Id, kek);
        bool opens = (await cluster.Enclave.DecryptAsync(encrypted)).Length == 32;

        await cluster.Admin.RevokeAsync(RevocationKind.Kek, "secrets");
        RpcException status = await cluster.Enclave.FailsAsync("revoked");
        Trial attempt;
        try
        {
            await cluster.Enclave.DecryptAsync(encrypted);
            attempt = Trial.Success("it still decrypts");
        }
        catch (RpcException)
        {
            attempt = ProcessMemory.Has(cluster.Enclave.Id, kek) ? Trial.Success("its KEK is in its memory still") : Trial.Refused(status.Status.Detail);
        }

        return new Outcome(attempt, there && opens ? Trial.Success("before, it decrypted, and the same scan found its KEK") : Trial.Refused($"before: found {there}, opens {opens}"));
    }
}

/// <summary>A broker of somebody else's stands where the enclave looks for its own.</summary>
internal sealed class AnotherBroker() : Attack(
    "broker-of-another-authority", Attacker.Host, "the network, and a broker of his own that would accept the enclave", Promise.Protected,
    "the enclave has its authority's key pinned in its measured configuration, so that it takes no KEK of his")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        Broker.Tests.Processes.BrokerFolder others = ground.Add(new Broker.Tests.Processes.BrokerFolder());
        Broker.Tests.Failures.EnclaveFolder folder = ground.Add(new Broker.Tests.Failures.EnclaveFolder(others));
        Broker.Tests.Processes.BrokerProcess wrong = await ground.AddAsync(others.StartAsync());
        await using (Broker.Tests.Processes.OtherBroker admin = await others.OpenAsync(wrong))
        {
            await admin.MakeKekAsync("secrets", folder.Policy("1h"));
        }

        folder.Configure(cluster.Broker.Pin, [wrong.Url]);
        string refusal;
        await using (Broker.Tests.Failures.EnclaveProcess enclave = new(folder))
        {
            refusal = (await enclave.FailsAsync("its key is not among broker.pins")).Status.Detail;
        }

        folder.Configure(wrong.Pin, [wrong.Url]);
        await using Broker.Tests.Failures.EnclaveProcess naive = new(folder);
        await naive.ReadyAsync();
        return new Outcome(Trial.Refused(refusal), Trial.Success("pinned instead, the same broker gives the same enclave a KEK of its own"));
    }
}
