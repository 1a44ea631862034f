using Cloister.Broker.Host.Serving;
using Cloister.Kbs;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Lease: first release and renewal. secrets: answers with a token, and KEKs encrypted to the attested key.</summary>
internal sealed class LeaseEndpoint(LeaseDesk leases) : Endpoint(HttpMethods.Post, KbsPaths.Lease, isKbs: false)
{
    /// <inheritdoc />
    public override async Task ServeAsync(HttpContext http)
    {
        LeaseRequest request = await http.ReadAsync(KbsJson.Default.LeaseRequest);
        await http.WriteAsync(await leases.GrantAsync(http.Request.Session(), request, http.RequestAborted), KbsJson.Default.LeaseResponse);
    }
}
