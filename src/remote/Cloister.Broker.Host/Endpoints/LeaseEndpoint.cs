using Cloister.Broker.Host.Admission;
using Cloister.Broker.Host.Serving;
using Cloister.Kbs;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Lease: first release and renewal. secrets: answers with a token, and KEKs encrypted to the attested key.</summary>
internal sealed class LeaseEndpoint(LeaseService leases, AdmissionControl admission) : Endpoint(HttpMethods.Post, KbsPaths.Lease, isKbs: false)
{
    /// <inheritdoc />
    public override Task ServeAsync(HttpContext http) => admission.RunAsync(http, async caller =>
    {
        LeaseRequest request = await http.ReadAsync(KbsJson.Default.LeaseRequest);
        await http.WriteAsync(await leases.GrantAsync(caller, http.Request.Session(), request, http.RequestAborted), KbsJson.Default.LeaseResponse);
    });
}
