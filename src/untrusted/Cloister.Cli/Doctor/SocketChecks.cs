using System.Net.Sockets;
using Cloister.Cli.Enclaves;
using Cloister.Contracts.KmsV2;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Doctor;

/// <summary>A KMS socket: the file, whether somebody listens, and what Status says.</summary>
internal static class SocketChecks
{
    private const UnixFileMode ForOthers = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(3);

    /// <summary>Looks at one socket.</summary>
    /// <returns>What was found, and the key_id when Status is ok.</returns>
    internal static async Task<(List<Finding> Findings, string? KeyId)> RunAsync(string socket, CancellationToken cancellation)
    {
        List<Finding> findings = [];
        if (!File.Exists(socket))
        {
            findings.Add(Finding.Error("socket", socket, "does not exist", "start the enclave (systemctl start cloister-enclave), or with SGX the relay (cloister-relay); look at its log: journalctl -u cloister-enclave"));
            return (findings, null);
        }

        findings.Add(Mode(socket));
        if (Connect(socket) is { } refused)
        {
            findings.Add(refused);
            return (findings, null);
        }

        (Finding status, string? keyId) = await StatusAsync(socket, cancellation);
        findings.Add(status);
        return (findings, keyId);
    }

    private static Finding Mode(string socket)
    {
        UnixFileMode mode = File.GetUnixFileMode(socket);
        string folder = Path.GetDirectoryName(Path.GetFullPath(socket))!;
        UnixFileMode around = File.GetUnixFileMode(folder);
        string seen = $"mode {Octal(mode)}, in a folder of mode {Octal(around)}";
        if ((mode & ForOthers) != 0)
        {
            return Finding.Error("socket", socket, $"{seen}: every user may ask for decryption", "set kms.socket.mode to \"0600\" or \"0660\" in the enclave's configuration (relay: --socket-mode), and start it again");
        }

        return (around & UnixFileMode.OtherWrite) != 0 && (around & UnixFileMode.StickyBit) == 0
            ? Finding.Error("socket", socket, $"{seen}: every user may put another socket in its place", $"chmod o-w {folder}")
            : Finding.Ok("socket", socket, seen);
    }

    // A relay accepts even when the enclave behind it is gone; a file that nobody listens on refuses.
    private static Finding? Connect(string socket)
    {
        using Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            connection.Connect(new UnixDomainSocketEndPoint(Path.GetFullPath(socket)));
            return null;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AccessDenied)
        {
            return Finding.Error("listener", socket, "this user may not connect", "run this as root, or as the user that the API server runs as");
        }
        catch (SocketException)
        {
            return Finding.Error("listener", socket, "the file is there, but nobody listens on it", "the enclave (or the relay) ended: systemctl restart cloister-enclave, and look at its log");
        }
    }

    private static async Task<(Finding Finding, string? KeyId)> StatusAsync(string socket, CancellationToken cancellation)
    {
        using GrpcChannel channel = EnclaveChannel.Open(socket);
        AsyncUnaryCall<StatusResponse> call = new KeyManagementService.KeyManagementServiceClient(channel)
            .StatusAsync(new StatusRequest(), deadline: DateTime.UtcNow + Deadline, cancellationToken: cancellation);
        try
        {
            StatusResponse status = await call.ResponseAsync;
            string tee = (await call.ResponseHeadersAsync).GetValue("cloister-tee") ?? "not told";
            if (status.Healthz != "ok")
            {
                return (Finding.Warning("status", socket, status.Healthz, "an API server goes on for now; do what the text says before it becomes an error"), status.KeyId);
            }

            return tee == "simulated"
                ? (Finding.Warning("status", socket, "ok, but the TEE is SIMULATED: keys are not protected", "use cloister-enclave in a TEE for anything but development"), status.KeyId)
                : (Finding.Ok("status", socket, $"ok, TEE {tee}, key_id {status.KeyId}"), status.KeyId);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded || (e.StatusCode == StatusCode.Unavailable && e.Status.DebugException is not null))
        {
            return (Finding.Error("status", socket, "somebody accepts connections, but no plugin answers behind it",
                "with SGX: the relay runs and the enclave does not (systemctl status cloister-enclave-sgx), or the uid of this process is not among the allowed ones"), null);
        }
        catch (RpcException e)
        {
            return (Finding.Error("status", socket, $"{e.StatusCode}: {e.Status.Detail}", "do what the text says; writes of API servers stop three minutes after it began"), null);
        }
    }

    private static string Octal(UnixFileMode mode) => Convert.ToString((int)mode, 8).PadLeft(4, '0');
}
