using System.Security.Authentication;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>TLS of the listener for administrators.</summary>
public static class AdministrationTls
{
    /// <summary>
    /// Lets in only clients that show a certificate with an administrator's key: for all others the handshake fails, in the same way. TLS 1.3 only.
    /// </summary>
    public static void RequireAdministrator(HttpsConnectionAdapterOptions options, AdministratorDirectory administrators)
    {
        options.SslProtocols = SslProtocols.Tls13;
        options.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
        options.ClientCertificateValidation = (certificate, _, _) => administrators.Find(certificate) is not null;

        // A resumed session would bring its client's identity from before, also after the pin was removed.
        Action<Microsoft.AspNetCore.Connections.ConnectionContext, System.Net.Security.SslServerAuthenticationOptions>? before = options.OnAuthenticate;
        options.OnAuthenticate = (connection, authentication) =>
        {
            before?.Invoke(connection, authentication);
            authentication.AllowTlsResume = false;
        };
    }
}
