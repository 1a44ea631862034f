using System.Text;
using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Collateral;

/// <summary>A client of the Provisioning Certification Service API, version 4 (Intel), and of its cache (PCCS). It fetches; verifying is the verifier's.</summary>
public sealed class PcsClient : IDcapCollateralSource
{
    private const int MaximumJsonLength = 1024 * 1024;

    private readonly BoundedHttp _http;
    private readonly PcsClientOptions _options;

    /// <summary>Uses <paramref name="client"/>, whose handler should not follow redirects and whose timeout counts.</summary>
    public PcsClient(HttpClient client, PcsClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        _http = new BoundedHttp(client);
        _options = options;
    }

    /// <inheritdoc />
    public async Task<DcapCollateral> GetAsync(DcapCollateralKey key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Fmspc.Length != 12 || !key.Fmspc.All(char.IsAsciiHexDigit))
        {
            throw new ArgumentException("An FMSPC is 12 hex digits.", nameof(key));
        }

        string tee = TeeNames.NameOf(key.Tee);
        string update = _options.EarlyUpdates ? "early" : "standard";
        (byte[] tcbInfo, string tcbChain) = await GetWithChainAsync(
            $"{tee}/certification/v4/tcb?fmspc={key.Fmspc}&update={update}", MaximumJsonLength, cancellationToken, "TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain");
        (byte[] identity, string identityChain) = await GetWithChainAsync(
            $"{tee}/certification/v4/qe/identity?update={update}", MaximumJsonLength, cancellationToken, "SGX-Enclave-Identity-Issuer-Chain");
        (byte[] crl, string crlChain) = await GetWithChainAsync(
            $"sgx/certification/v4/pckcrl?ca={key.AuthorityName}&encoding=der", RevocationList.MaximumLength, cancellationToken, "SGX-PCK-CRL-Issuer-Chain");
        (byte[] rootCrl, _) = await _http.GetAsync(
            _options.RootCaCrl ?? new Uri(_options.Service, "sgx/certification/v4/rootcacrl"), RevocationList.MaximumLength, cancellationToken);

        return new DcapCollateral
        {
            TcbInfo = tcbInfo,
            QeIdentity = identity,
            TcbSigningChain = Encoding.ASCII.GetBytes(tcbChain),
            QeIdentityChain = identityChain == tcbChain ? default : Encoding.ASCII.GetBytes(identityChain),
            PckCrl = Binary(crl),
            PckCrlIssuerChain = Encoding.ASCII.GetBytes(crlChain),
            RootCaCrl = Binary(rootCrl),
        };
    }

    private async Task<(byte[] Body, string Chain)> GetWithChainAsync(string path, int maximumLength, CancellationToken cancellationToken, params string[] headers)
    {
        Uri uri = new(_options.Service, path);
        (byte[] body, string? chain) = await _http.GetAsync(uri, maximumLength, cancellationToken, headers);
        return chain is null ? throw new CollateralException("missing_header", $"{uri} did not send {headers[0]}") : (body, Uri.UnescapeDataString(chain));
    }

    /// <summary>DER as it is, or written in hex as caching services do.</summary>
    private static byte[] Binary(byte[] body)
    {
        string text = Encoding.Latin1.GetString(body).Trim();
        return text.Length > 0 && text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit) ? Convert.FromHexString(text) : body;
    }
}
