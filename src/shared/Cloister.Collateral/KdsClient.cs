using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;

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

    /// <summary>The VCEK of the chip that made a report, at the TCB it reports.</summary>
    /// <exception cref="CollateralException">It cannot be had, or is malformed.</exception>
    public async Task<Certificate> GetVcekAsync(SnpReport report, SnpProductLine product, CancellationToken cancellationToken) =>
        Parsed("VCEK", await GetAsync(KdsPaths.Vcek(report, product), Certificate.MaximumLength, cancellationToken), der => Certificate.Parse(der));

    /// <summary>ASK (or ASVK) and ARK of a product line.</summary>
    /// <exception cref="CollateralException">They cannot be had, or are malformed.</exception>
    public async Task<IReadOnlyList<Certificate>> GetAuthoritiesAsync(SnpProductLine product, SnpSigningKey key, CancellationToken cancellationToken) =>
        Parsed("cert_chain", await GetAsync(KdsPaths.Chain(product, key), 64 * 1024, cancellationToken), pem => PemCertificates.Parse(pem));

    /// <summary>The ARK's revocation list.</summary>
    /// <exception cref="CollateralException">It cannot be had, or is malformed.</exception>
    public async Task<RevocationList> GetRevocationListAsync(SnpProductLine product, SnpSigningKey key, CancellationToken cancellationToken) =>
        Parsed("crl", await GetAsync(KdsPaths.Crl(product, key), RevocationList.MaximumLength, cancellationToken), der => RevocationList.Parse(der));

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
