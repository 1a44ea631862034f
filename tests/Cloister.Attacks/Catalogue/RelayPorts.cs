using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attacks.Framework;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.KmsV2;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Attacks.Catalogue;

/// <summary>The loopback port of an enclave that cannot own a unix socket (SGX; on vsock the same code answers), and who speaks with it.</summary>
internal static class RelayPort
{
    internal static async Task<(string Pin, string Path)> KeyAsync(ScratchFolder folder, string name)
    {
        CliResult made = (await CliProcess.RunAsync("relay", "keygen", "--key", folder[name])).MustSucceed();
        return (made.Output.Trim(), folder[name]);
    }

    internal static string Pinned(string pin) => $"relay: {{pins: [\"{pin}\"]}}";

    /// <summary>A call as a process of the node makes it: plain, or in TLS with a key.</summary>
    internal static async Task<Trial> CallAsync(EnclaveOnTcp enclave, string? keyFile, CancellationToken stop)
    {
        SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellation) =>
            {
                Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPEndPoint.Parse(enclave.Address), cancellation);
                NetworkStream stream = new(socket, ownsSocket: true);
                return keyFile is null ? stream : await TlsAsync(stream, keyFile, cancellation);
            },
        };
        using GrpcChannel channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        try
        {
            await new KeyManagementService.KeyManagementServiceClient(channel).StatusAsync(new StatusRequest(), deadline: DateTime.UtcNow.AddSeconds(20), cancellationToken: stop);
            return Trial.Success("the enclave answers");
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Internal)
        {
            return Trial.Refused("the enclave closes the connection");
        }
    }

    private static async Task<Stream> TlsAsync(Stream stream, string keyFile, CancellationToken stop)
    {
        using ECDsa key = ECDsa.Create();
        key.ImportFromPem(await File.ReadAllTextAsync(keyFile, stop));
        X509Certificate2 certificate = new CertificateRequest("CN=cloister-relay", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        SslStream tls = new(stream);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "enclave",
                EnabledSslProtocols = SslProtocols.Tls13,
                ClientCertificates = [certificate],
                RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null,
            },
            stop);
        return tls;
    }
}

internal sealed class NeighbourOnRelayPort() : Attack(
    "neighbour-relay-port", Attacker.Neighbour, "a connection to the enclave's loopback port", Promise.Protected,
    "the enclave answers in TLS, and only to keys that its measured configuration names (relay.pins)")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        ScratchFolder folder = ground.Add(new ScratchFolder());
        (string pin, _) = await RelayPort.KeyAsync(folder, "relay.key");
        return new Outcome(await TryAsync(RelayPort.Pinned(pin)), await TryAsync("unauthenticated: true"));

        async Task<Trial> TryAsync(string who)
        {
            using ScratchFolder own = new();
            await using EnclaveOnTcp enclave = await EnclaveOnTcp.StartAsync(own, who);
            return await RelayPort.CallAsync(enclave, null, ground.Stop);
        }
    }
}

internal sealed class NeighbourWithAnotherKey() : Attack(
    "neighbour-relay-key-of-another", Attacker.Neighbour, "the enclave's loopback port, and the key of a relay of another enclave", Promise.Protected,
    "a key counts for the enclaves that name it")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        ScratchFolder folder = ground.Add(new ScratchFolder());
        (string pin, string key) = await RelayPort.KeyAsync(folder, "relay.key");
        (_, string other) = await RelayPort.KeyAsync(folder, "other.key");
        EnclaveOnTcp enclave = await ground.AddAsync(EnclaveOnTcp.StartAsync(folder, RelayPort.Pinned(pin)));
        return new Outcome(await RelayPort.CallAsync(enclave, other, ground.Stop), await RelayPort.CallAsync(enclave, key, ground.Stop) with { Detail = "with the key that is named, it answers" });
    }
}

internal sealed class VisitorWithRelayKey() : Attack(
    "visitor-relay-key", Attacker.Visitor, "the relay's key, taken along, and a process on the node", Promise.NotProtected,
    "who has the relay's key may call, as root may: until the configuration names another key")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        ScratchFolder folder = ground.Add(new ScratchFolder());
        (string pin, string key) = await RelayPort.KeyAsync(folder, "relay.key");
        Trial attempt;
        await using (EnclaveOnTcp enclave = await EnclaveOnTcp.StartAsync(folder, RelayPort.Pinned(pin)))
        {
            attempt = await RelayPort.CallAsync(enclave, key, ground.Stop);
        }

        ScratchFolder later = ground.Add(new ScratchFolder());
        (string next, _) = await RelayPort.KeyAsync(later, "relay.key");
        EnclaveOnTcp renewed = await ground.AddAsync(EnclaveOnTcp.StartAsync(later, RelayPort.Pinned(next)));
        return new Outcome(attempt, Contrast: await RelayPort.CallAsync(renewed, key, ground.Stop));
    }
}

internal sealed class NeighbourOnFreePort() : Attack(
    "neighbour-takes-relay-port", Attacker.Neighbour, "the enclave's port, taken while the enclave is away", Promise.Protected,
    "the relay asks the kernel whose process has the port (--target-uid) before it sends a byte")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        ScratchFolder folder = ground.Add(new ScratchFolder());
        (_, string key) = await RelayPort.KeyAsync(folder, "relay.key");

        // He is this process; the relay is told that the enclave's is another user.
        return new Outcome(await TryAsync(["--key", key, "--target-uid", "54321"]), await TryAsync([]));

        async Task<Trial> TryAsync(string[] options)
        {
            using TcpListener port = new(IPAddress.Loopback, 0);
            port.Start();
            string socket = folder[$"{options.Length}.sock"];
            await using CliProcess relay = CliProcess.Start(["relay", "--listen", $"unix:{socket}", "--target", port.LocalEndpoint.ToString()!, .. options]);
            await relay.ReadLineAsync();
            using Socket caller = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await caller.ConnectAsync(new UnixDomainSocketEndPoint(socket), ground.Stop);
            await caller.SendAsync("the API server's seed"u8.ToArray(), ground.Stop);
            using TcpClient accepted = await port.AcceptTcpClientAsync(ground.Stop);
            string seen = await ListenAsync(accepted.GetStream(), options.Length > 0, ground.Stop);
            return seen.Contains("seed", StringComparison.Ordinal) ? Trial.Success("what an API server sent came to him") : Trial.Refused("the relay ends the connection after the handshake");
        }
    }

    private static async Task<string> ListenAsync(Stream stream, bool tls, CancellationToken stop)
    {
        byte[] seen = new byte[1024];
        try
        {
            if (tls)
            {
                using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
                X509Certificate2 certificate = new CertificateRequest("CN=cloister-enclave", key, HashAlgorithmName.SHA256)
                    .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
                SslStream server = new(stream);
                await server.AuthenticateAsServerAsync(
                    new SslServerAuthenticationOptions
                    {
                        ServerCertificate = certificate,
                        ClientCertificateRequired = true,
                        RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null,
                    },
                    stop);
                stream = server;
            }

            int count = await stream.ReadAsync(seen, stop);
            return System.Text.Encoding.ASCII.GetString(seen, 0, count);
        }
        catch (IOException)
        {
            return "";
        }
    }
}

/// <summary>An operator who believes that something is checked, or that a loopback port is private.</summary>
internal abstract class ListenerSlip(string name, string has, string how, string wrong, string right) : Attack(name, Attacker.Operator, has, Promise.Protected, how)
{
    public override async Task<Outcome> RunAsync(Ground ground) => new(await TryAsync(wrong), await TryAsync(right));

    private static async Task<Trial> TryAsync(string who)
    {
        using ScratchFolder folder = new();
        try
        {
            await using EnclaveOnTcp enclave = await EnclaveOnTcp.StartAsync(folder, who);
            return Trial.Success("the enclave starts, and serves every process of the machine");
        }
        catch (InvalidOperationException e) when (e.Message.Contains("is not accepted", StringComparison.Ordinal))
        {
            return Trial.Refused("the enclave does not start, and says what to write");
        }
    }
}

internal sealed class AllowedUidsOnPort() : ListenerSlip(
    "operator-allowed-uids-on-port", "allowedUids on a loopback port, where nobody can check them", "a rule that a listener cannot check is an error of the configuration",
    "socket: {allowedUids: [0]}, unauthenticated: true", "unauthenticated: true");

internal sealed class PortWithoutPins() : ListenerSlip(
    "operator-port-without-pins", "a loopback port without relay.pins", "tcp: and vsock: need relay.pins, or a loud word that waives them",
    "maxConnections: 10", "maxConnections: 10, unauthenticated: true");
