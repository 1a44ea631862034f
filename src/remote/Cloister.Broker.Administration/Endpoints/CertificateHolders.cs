using System.Globalization;
using Cloister.AdminApi;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>Administrators by the key of the certificate that their connection showed. secrets: none.</summary>
/// <param name="services">The broker.</param>
public sealed class CertificateHolders(AdministrationServices services) : IAdministratorIdentity
{
    public string Unknown => "the connection shows no key of an administrator";

    // The listener for administrators has asked for this already; these routes must be closed on any other one too, and to who was removed since.
    public Task<Administrator?> FindAsync(HttpContext http) => Task.FromResult(services.Administrators.Find(http.Connection.ClientCertificate));

    public bool IsStill(HttpContext http, Administrator known) => services.Administrators.Find(http.Connection.ClientCertificate) == known;

    public IDisposable Watch(Action changed) => services.Administrators.Watch(changed);

    public async Task RequireInTimeAsync(HttpContext http, Administrator known)
    {
        DateTimeOffset end = await services.Keys.RequireAsync(known, http.Connection.ClientCertificate!, http.RequestAborted);
        if (end - services.Time.GetUtcNow() < AdministratorKeys.Warning)
        {
            http.Response.Headers[AdminPaths.KeyExpiresHeader] = end.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        }
    }

    public Task<bool> InviteAsync(HttpContext http) => Task.FromResult(false);

    public string HolderOf(HttpContext http) => AdministratorDirectory.PinOf(http.Connection.ClientCertificate!);
}
