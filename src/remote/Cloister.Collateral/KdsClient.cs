using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Collateral;

/// <summary>A client of AMD's Key Distribution Service. A VLEK is not to be had there: the cloud provider hands it to the guest, which sends it with the report.</summary>
public sealed class KdsClient
{
    private readonly BoundedHttp _http;
    private readonly Uri _service;

    /// <summary>Uses <paramref name="client"/>, whose handler should not follow redirects and whose timeout counts.</summary>
    /// <param name="client">For requests.</param>
    /// <param name="service">Null: AMD's.</param>
    public KdsClient(HttpClient client, Uri? service = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _http = new BoundedHttp(client);
        _service = service ?? new Uri("https://kdsintf.amd.com/");
    }

    /// <summary>Endorsement key (VCEK only), authorities and revocation list for a report.</summary>
    /// <exception cref="CollateralException">Something cannot be had, or is malformed.</exception>
    public async Task<SnpCollateral> GetAsync(SnpReport report, SnpProductLine product, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        SnpSigningKey kind = report.SigningKey;
        List<Certificate> keys = [];
        if (kind == SnpSigningKey.Vcek)
        {
            keys.Add(Parsed("VCEK", await GetAsync(KdsPaths.Vcek(report, product), Certificate.MaximumLength, cancellationToken), der => Certificate.Parse(der)));
        }

        byte[] chain = await GetAsync(KdsPaths.Chain(product, kind), 64 * 1024, cancellationToken);
        byte[] crl = await GetAsync(KdsPaths.Crl(product, kind), RevocationList.MaximumLength, cancellationToken);
        return new SnpCollateral
        {
            EndorsementKeys = keys,
            Authorities = Parsed("cert_chain", chain, pem => PemCertificates.Parse(pem)),
            RevocationLists = [Parsed("crl", crl, der => RevocationList.Parse(der))],
        };
    }

    private static T Parsed<T>(string what, byte[] bytes, Func<byte[], T> parse)
    {
        try
        {
            return parse(bytes);
        }
        catch (EvidenceFormatException e)
        {
            throw new CollateralException("malformed", $"{what}: {e.Message}", e);
        }
    }

    private async Task<byte[]> GetAsync(string path, int maximumLength, CancellationToken cancellationToken) =>
        (await _http.GetAsync(new Uri(_service, path), maximumLength, cancellationToken)).Body;
}
