using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Enclaves;

/// <summary>A gRPC channel to a unix socket, as an API server opens it.</summary>
internal static class EnclaveChannel
{
    /// <summary>Opens a channel; nothing is connected until the first call.</summary>
    /// <exception cref="CliException">There is no socket at that path.</exception>
    internal static GrpcChannel Open(string socketPath)
    {
        string path = Path.GetFullPath(socketPath);
        if (!File.Exists(path))
        {
            throw new CliException($"{path} does not exist: start the enclave (or the relay in front of it), or name the right path");
        }

        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            // A socket of this machine: what http_proxy says is not meant for it.
            HttpHandler = new SocketsHttpHandler
            {
                UseProxy = false,
                UseCookies = false,
                AllowAutoRedirect = false,
                ConnectTimeout = TimeSpan.FromSeconds(5),
                ConnectCallback = async (_, cancellation) =>
                {
                    Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    try
                    {
                        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
                        return new NetworkStream(socket, ownsSocket: true);
                    }
                    catch
                    {
                        socket.Dispose();
                        throw;
                    }
                },
            },
            DisposeHttpClient = true,
        });
    }

    /// <summary>A failed call in words.</summary>
    internal static string Explain(RpcException e) => e.StatusCode == StatusCode.Unavailable && e.Status.DebugException is not null
        ? $"the enclave does not answer ({e.Status.DebugException.GetBaseException().Message}): check that it runs, and that this user may connect"
        : $"{e.StatusCode}: {e.Status.Detail}";
}
