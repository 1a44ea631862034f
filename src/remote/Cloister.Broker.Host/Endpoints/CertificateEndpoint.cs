using Cloister.Broker.Host.Serving;
using Cloister.Broker.Tokens;
using Cloister.Kbs;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Certificate.</summary>
internal sealed class CertificateEndpoint(CertificateService certificates, TokenGate tokens) : Endpoint(HttpMethods.Post, KbsPaths.Certificate, isKbs: false)
{
    /// <inheritdoc />
    public override async Task ServeAsync(HttpContext http)
    {
        (VerifiedToken token, TokenLease lease) = tokens.RequireLease(http.Request);
        CertificateRequestMessage request = await http.ReadAsync(KbsJson.Default.CertificateRequestMessage);
        await http.WriteAsync(await certificates.IssueAsync(token, lease, request, http.RequestAborted), KbsJson.Default.CertificateChain);
    }
}
