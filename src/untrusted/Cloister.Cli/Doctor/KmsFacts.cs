using System.Net.Sockets;
using Cloister.Cli.Enclaves;
using Cloister.Contracts.KmsV2;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Doctor;

/// <summary>What a KMS socket says.</summary>
/// <param name="Socket">Its path.</param>
/// <param name="Exists">There is a file.</param>
internal sealed record KmsFacts(string Socket, bool Exists)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(3);

    /// <summary>Why nobody could be connected to; null: somebody accepts.</summary>
    internal SocketError? Refused { get; init; }

    /// <summary>The answer; null: none.</summary>
    internal StatusResponse? Status { get; init; }

    /// <summary>The TEE by the enclave's word.</summary>
    internal string Tee { get; init; } = "";

    /// <summary>The error in place of an answer.</summary>
    internal RpcException? Failure { get; init; }

    /// <summary>Asks one socket. A relay accepts even when the enclave behind it is gone; a file that nobody listens on refuses.</summary>
    internal static async Task<KmsFacts> AskAsync(string socket)
    {
        KmsFacts facts = new(socket, File.Exists(socket));
        if (!facts.Exists)
        {
            return facts;
        }

        using (Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            try
            {
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(Path.GetFullPath(socket)));
            }
            catch (SocketException e)
            {
                return facts with { Refused = e.SocketErrorCode };
            }
        }

        using GrpcChannel channel = EnclaveChannel.Open(socket);
        AsyncUnaryCall<StatusResponse> call = new KeyManagementService.KeyManagementServiceClient(channel).StatusAsync(new StatusRequest(), deadline: DateTime.UtcNow + Deadline);
        try
        {
            StatusResponse status = await call.ResponseAsync;
            return facts with { Status = status, Tee = (await call.ResponseHeadersAsync).GetValue("cloister-tee") ?? "" };
        }
        catch (RpcException e)
        {
            return facts with { Failure = e };
        }
    }
}
