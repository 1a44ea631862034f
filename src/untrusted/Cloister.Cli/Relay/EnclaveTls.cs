using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Cli.Relay;

/// <summary>
/// The relay's part of TLS with an enclave: it shows its key, and takes any of the enclave's, which makes a new one at each start. Who the enclave is
/// says vsock's context id, or on TCP the user of the process that has the port.
/// </summary>
internal sealed class EnclaveTls(RelayKey key, IReadOnlySet<uint> owners)
{
    /// <summary>The relay's pin, for messages.</summary>
    internal string Pin => key.Pin;

    /// <summary>Handshake on a connected socket.</summary>
    /// <exception cref="AuthenticationException">No TLS there, or a process of another user; the message says which.</exception>
    /// <exception cref="IOException">The peer is gone.</exception>
    internal async Task<SslStream> ConnectAsync(Socket socket, CancellationToken cancellation)
    {
        SslStream tls = new(new Sockets.SocketStream(socket), leaveInnerStreamOpen: true);
        try
        {
            SslClientAuthenticationOptions options = new()
            {
                // A name that is no name: it is not looked at.
                TargetHost = "enclave",
                EnabledSslProtocols = SslProtocols.Tls13,
                ClientCertificateContext = key.Certificate,
                RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null,
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
                },
                AllowTlsResume = false,
            };
            await tls.AuthenticateAsClientAsync(options, cancellation);
            CheckOwner(socket);
            return tls;
        }
        catch
        {
            await tls.DisposeAsync();
            throw;
        }
    }

    // Nothing was sent yet but the handshake.
    private void CheckOwner(Socket socket)
    {
        if (socket.RemoteEndPoint is not IPEndPoint)
        {
            return;
        }

        uint? owner = SocketOwner.OfPeer(socket);
        if (owner is not { } uid || !owners.Contains(uid))
        {
            throw new AuthenticationException(
                $"{socket.RemoteEndPoint} is a port of {(owner is null ? "an unknown user" : $"uid {owner}")}, not of the enclave's (--target-uid)");
        }
    }
}
