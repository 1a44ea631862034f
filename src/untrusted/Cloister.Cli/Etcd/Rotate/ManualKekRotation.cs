using Cloister.Cli.Enclaves;
using Cloister.Cli.Operators;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary>
/// Custody manual: the KEK goes to every node over its admin socket, at first for reading only, so that no node writes what another
/// cannot read. secrets: the KEK passes through.
/// </summary>
internal sealed class ManualKekRotation : IKekRotation
{
    private readonly IReadOnlyList<string> _adminSockets;
    private readonly string _name;
    private readonly uint _version;
    private readonly byte[]? _key;
    private readonly string? _operatorKey;

    /// <param name="adminSockets">Of every node.</param>
    /// <param name="name">Name of the KEK.</param>
    /// <param name="version">Its new version.</param>
    /// <param name="key">32 bytes; null to have the only node make it.</param>
    /// <param name="operatorKey">File of the operator's key; null: the one beside the socket, when there is one.</param>
    internal ManualKekRotation(IReadOnlyList<string> adminSockets, string name, uint version, byte[]? key, string? operatorKey)
    {
        _adminSockets = adminSockets;
        _name = name;
        _version = version;
        _key = key;
        _operatorKey = operatorKey;
    }

    public async Task<string?> AdvanceAsync(CancellationToken cancellation)
    {
        if (_key is null)
        {
            return (await CallAsync(_adminSockets[0], admin => admin.CreateAsync(_name, cancellation))).KeyId;
        }

        string keyId = "";
        foreach (bool inactive in (bool[])[true, false])
        {
            foreach (string socket in _adminSockets)
            {
                keyId = (await CallAsync(socket, admin => admin.ImportAsync(_name, _version, inactive, _key, cancellation))).KeyId;
            }
        }

        return keyId;
    }

    public async Task RetireAsync(string keyId, AdminApi.KekScanRecord scan, CancellationToken cancellation)
    {
        foreach (string socket in _adminSockets)
        {
            await CallAsync(socket, admin => admin.RetireAsync(keyId, cancellation));
        }
    }

    public string HowToRetire(string keyId) =>
        $"on every node: cloister kek retire --admin-socket {_adminSockets[0]} --key-id {keyId} --yes-retire {keyId}, and --endpoints of etcd";

    private async Task<T> CallAsync<T>(string socket, Func<SignedChanges, Task<T>> call)
    {
        using GrpcChannel channel = EnclaveChannel.Open(socket);
        using OperatorKey? signer = OperatorKey.Find(_operatorKey, socket);
        try
        {
            return await call(new SignedChanges(new Admin.AdminClient(channel), signer));
        }
        catch (RpcException e)
        {
            throw new CliException($"{socket}: {EnclaveChannel.Explain(e)}; the other nodes may have the new version already, the same command again is safe");
        }
    }
}
