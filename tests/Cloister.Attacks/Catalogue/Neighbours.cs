using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Broker.Tests.Failures;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Attacks.Catalogue;

/// <summary>Another process of the node, without root but in the socket's group, calls the enclave on one of its unix sockets.</summary>
internal abstract class NeighbourAttack(string name, string has) : Attack(
    name, Attacker.Neighbour, has, Promise.Protected, "the kernel says whose process it is (SO_PEERCRED): only the uids of allowedUids are answered")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Ground.NeedsRoot("connect as another user");
        BrokerFolder brokers = ground.Add(new BrokerFolder());
        EnclaveFolder folder = ground.Add(new EnclaveFolder(brokers));

        // A folder and a file mode that let him in: what is left is the list.
        File.SetUnixFileMode(folder.Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute | UnixFileMode.GroupExecute);
        return new Outcome(
            await TryAsync(folder, "", ground),
            await TryAsync(folder, $", allowedUids: [0, {AnotherUser.Nobody}]", ground) with { Detail = "with his uid in allowedUids the same call is answered" });
    }

    protected abstract Task CallAsync(EnclaveFolder folder, CancellationToken stop);

    protected static string Kms(EnclaveFolder folder) => folder.KmsSocket;

    protected static string Admin(EnclaveFolder folder) => Path.Combine(folder.Folder, "admin.sock");

    protected static string Secrets(EnclaveFolder folder) => Path.Combine(folder.Folder, "secrets.sock");

    private async Task<Trial> TryAsync(EnclaveFolder folder, string allowed, Ground ground)
    {
        string socket = $"socket: {{ mode: \"0660\", group: {AnotherUser.Nobody}{allowed} }}";
        await File.WriteAllTextAsync(folder.Configuration, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c1
            provider: tee
            kms: { listen: "unix:{{Kms(folder)}}", {{socket}} }
            admin: { listen: "unix:{{Admin(folder)}}", {{socket}} }
            secrets: { listen: "unix:{{Secrets(folder)}}", {{socket}} }
            custody: { mode: remote }
            simulation: { remoteKms: { keyFile: {{folder.Folder}}/kms.json } }
            """, ground.Stop);
        await using EnclaveProcess enclave = new(folder);
        await enclave.ReadyAsync();
        try
        {
            await CallAsync(folder, ground.Stop);
            return Trial.Success("answered");
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Internal or StatusCode.PermissionDenied or StatusCode.Unauthenticated)
        {
            return Trial.Refused("the connection is closed");
        }
    }
}

internal sealed class NeighbourOnKms() : NeighbourAttack("neighbour-kms-socket", "a process in the group of the KMS socket")
{
    protected override async Task CallAsync(EnclaveFolder folder, CancellationToken stop)
    {
        using GrpcChannel channel = AnotherUser.Channel(Kms(folder), AnotherUser.Nobody);
        await new KeyManagementService.KeyManagementServiceClient(channel).StatusAsync(new StatusRequest(), cancellationToken: stop);
    }
}

internal sealed class NeighbourOnAdmin() : NeighbourAttack("neighbour-admin-socket", "a process in the group of the administration socket")
{
    protected override async Task CallAsync(EnclaveFolder folder, CancellationToken stop)
    {
        using GrpcChannel channel = AnotherUser.Channel(Admin(folder), AnotherUser.Nobody);
        await new Contracts.EnclaveAdmin.Admin.AdminClient(channel).GetStateAsync(new GetStateRequest(), cancellationToken: stop);
    }
}

internal sealed class NeighbourOnSecrets() : NeighbourAttack("neighbour-secrets-socket", "a process in the group of the secrets socket")
{
    protected override async Task CallAsync(EnclaveFolder folder, CancellationToken stop)
    {
        using GrpcChannel channel = AnotherUser.Channel(Secrets(folder), AnotherUser.Nobody);
        await new Contracts.SecretsV1.Secrets.SecretsClient(channel).StatusAsync(new Contracts.SecretsV1.StatusRequest(), cancellationToken: stop);
    }
}
