using Cloister.Attestation.Abi.Snp;

namespace Cloister.Attestation.Certificates;

/// <summary>The roots that a verification may end at. A root counts only by its pinned SHA-256, whatever names it bears and wherever it was found.</summary>
public sealed class TrustAnchors
{
    private readonly Dictionary<string, TrustAnchor> _anchors;

    private TrustAnchors(IEnumerable<TrustAnchor> anchors)
    {
        _anchors = [];
        foreach (TrustAnchor anchor in anchors)
        {
            if (anchor.Sha256.Length != 64 || !anchor.Sha256.All(char.IsAsciiHexDigitLower))
            {
                throw new ArgumentException("A pin is 64 lower-case hex digits.", nameof(anchors));
            }

            _anchors[anchor.Sha256] = anchor;
        }
    }

    /// <summary>Intel's production root for SGX and TDX.</summary>
    public static TrustAnchors Intel { get; } = Of(
        new TrustAnchor("44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3", "Intel SGX Root CA"));

    /// <summary>AMD's roots, of every product line whose keys are known.</summary>
    public static TrustAnchors Amd { get; } = Of(SnpProduct.WithKeys.Select(product => new TrustAnchor(product.RootSha256!, SnpProductNames.RootOf(product.Line!.Value))));

    /// <summary>AWS's root for Nitro enclaves, G1.</summary>
    public static TrustAnchors Aws { get; } = Of(
        new TrustAnchor("641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b", "aws.nitro-enclaves"));

    /// <summary>All anchors.</summary>
    public IReadOnlyCollection<TrustAnchor> All => _anchors.Values;

    /// <summary>Exactly these anchors.</summary>
    public static TrustAnchors Of(params IEnumerable<TrustAnchor> anchors) => new(anchors);

    /// <summary>Exactly these root certificates. For tests, development and other vendors' roots: whoever names a root trusts everything under it.</summary>
    public static TrustAnchors Of(params IEnumerable<Certificate> roots) =>
        new(roots.Select(root => new TrustAnchor(Convert.ToHexStringLower(root.Sha256.Span), root.CommonName)));

    /// <summary>The vendor's pinned roots for <paramref name="tee"/>.</summary>
    public static TrustAnchors ForVendorOf(Tee tee) => tee switch
    {
        Tee.Sgx or Tee.Tdx or Tee.AzureTdx => Intel,
        Tee.Snp or Tee.AzureSnp => Amd,
        Tee.Nitro => Aws,
        _ => throw new ArgumentOutOfRangeException(nameof(tee)),
    };

    /// <summary>The anchor that <paramref name="certificate"/> is, or null.</summary>
    public TrustAnchor? Match(Certificate certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return _anchors.GetValueOrDefault(Convert.ToHexStringLower(certificate.Sha256.Span));
    }
}
