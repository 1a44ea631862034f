using System.Security.Cryptography.X509Certificates;
using Cloister.Administration.Client;

namespace Cloister.Cli.Administration;

/// <summary>A client of a broker's administration with the certificate that it owns. secrets: the administrator's key.</summary>
internal sealed class BrokerSession(Uri broker, BrokerPin pin, X509Certificate2 administrator) : IDisposable
{
    internal AdministrationClient Client { get; } = new(broker, pin, administrator);

    public void Dispose()
    {
        Client.Dispose();
        administrator.Dispose();
    }
}
