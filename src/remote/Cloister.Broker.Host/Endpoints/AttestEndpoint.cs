using Cloister.Broker.Host.Admission;
using Cloister.Broker.Host.Serving;
using Cloister.Kbs;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Attestation. secrets: answers with a token.</summary>
internal sealed class AttestEndpoint(AttestationService attestation, AdmissionControl admission) : Endpoint(HttpMethods.Post, KbsPaths.Attest, isKbs: true)
{
    /// <inheritdoc />
    public override Task ServeAsync(HttpContext http) => admission.RunAsync(http, async caller =>
    {
        AttestRequest request = await http.ReadAsync(KbsJson.Default.AttestRequest);
        string? session = http.Request.Session();
        TokenResponse answer = await attestation.AttestAsync(caller, session, request, http.RequestAborted);
        http.Response.Headers.SetCookie = AuthEndpoint.SessionCookie(session!);
        await http.WriteAsync(answer, KbsJson.Default.TokenResponse);
    });
}
