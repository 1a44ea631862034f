using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Broker.Tests.Failures;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.KmsV2;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>The configuration of another cluster's enclave is rolled out to this one.</summary>
internal sealed class WrongCluster() : Attack(
    "configuration-of-another-cluster", Attacker.Operator, "the right enclave with another cluster's name in its configuration", Promise.Protected, "a KEK belongs to a cluster: the broker gives it to no other")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        EnclaveFolder folder = ground.Add(new EnclaveFolder(cluster.Enclaves));
        folder.Configure(cluster.Broker.Pin, [cluster.Broker.Url]);
        string right = await File.ReadAllTextAsync(folder.Configuration, ground.Stop);
        await using (EnclaveProcess good = new(folder))
        {
            await good.ReadyAsync();
        }

        await File.WriteAllTextAsync(folder.Configuration, right.Replace("cluster: c1", "cluster: c2", StringComparison.Ordinal), ground.Stop);
        await using EnclaveProcess wrong = new(folder);
        RpcException error = await wrong.FailsAsync("cluster");
        return new Outcome(Trial.Refused(error.Status.Detail), Trial.Success("with this cluster's name the same enclave gets the KEK"));
    }
}

/// <summary>A policy leaves a rule out.</summary>
internal sealed class PolicyWithoutRule() : Attack(
    "policy-without-a-rule", Attacker.Operator, "a release policy that says nothing of debug enclaves, and a debug enclave", Promise.Protected,
    "a rule that is missing rejects; a waiver has to say 'any'")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        EnclaveFolder enclaves = ground.Add(new EnclaveFolder(folder));
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync());
        await using OtherBroker admin = await folder.OpenAsync(broker);
        string policy = enclaves.Policy("1h");
        await admin.MakeKekAsync("secrets", policy.Replace("debug: refuse", "", StringComparison.Ordinal));
        enclaves.Configure(broker.Pin, [broker.Url], "debug: true");
        RpcException error;
        await using (EnclaveProcess refused = new(enclaves))
        {
            error = await refused.FailsAsync("debug");
        }

        await admin.SetPolicyAsync("secrets", policy.Replace("debug: refuse", "debug: any", StringComparison.Ordinal));
        await using EnclaveProcess accepted = new(enclaves);
        await accepted.ReadyAsync();
        return new Outcome(Trial.Refused(error.Status.Detail), Trial.Success("with 'debug: any' the same enclave gets the KEK"));
    }
}

/// <summary>An API server is pointed at an enclave with other KEKs.</summary>
internal sealed class WrongKek() : Attack(
    "enclave-with-another-kek", Attacker.Operator, "values of one enclave, and another enclave in its place", Promise.Protected,
    "key_id names the KEK: another one is refused before any cryptography, and nothing is changed")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        BrokerFolder unused = ground.Add(new BrokerFolder());
        EnclaveFolder folder = ground.Add(new EnclaveFolder(unused));
        EncryptResponse encrypted;
        await using (EnclaveProcess enclave = await StartAsync(folder, "one"))
        {
            encrypted = await enclave.EncryptAsync(new byte[32]);
        }

        return new Outcome(
            await TryAsync(folder, "two", encrypted),
            await TryAsync(folder, "one", encrypted) with { Detail = "the enclave with the KEK opens it" });
    }

    private static async Task<Trial> TryAsync(EnclaveFolder folder, string keys, EncryptResponse encrypted)
    {
        await using EnclaveProcess enclave = await StartAsync(folder, keys);
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

    private static async Task<EnclaveProcess> StartAsync(EnclaveFolder folder, string keys)
    {
        await File.WriteAllTextAsync(folder.Configuration, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c1
            provider: tee
            kms: { listen: "unix:{{folder.KmsSocket}}" }
            custody: { mode: remote }
            simulation: { remoteKms: { keyFile: {{folder.Folder}}/{{keys}}.json } }
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
