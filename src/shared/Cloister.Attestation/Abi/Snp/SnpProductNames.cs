namespace Cloister.Attestation.Abi.Snp;

/// <summary>How AMD writes product lines: in product name extensions, in names of issuers and in KDS addresses.</summary>
public static class SnpProductNames
{
    /// <summary>The product line's name: <c>Milan</c>, <c>Genoa</c> or <c>Turin</c>.</summary>
    /// <param name="product">The product line.</param>
    public static string NameOf(SnpProductLine product) => SnpProduct.Of(product).Name;

    /// <summary>The product line of a product name extension: the line's name, or it with a silicon stepping behind it (<c>Milan-B0</c>).</summary>
    /// <param name="productName">The name in the certificate.</param>
    /// <returns>Null for a name that is neither.</returns>
    public static SnpProductLine? Find(string productName)
    {
        ArgumentNullException.ThrowIfNull(productName);
        int dash = productName.IndexOf('-', StringComparison.Ordinal);
        ReadOnlySpan<char> stepping = dash < 0 ? default : productName.AsSpan(dash + 1);
        if (dash >= 0 && stepping is not [>= 'A' and <= 'Z', >= '0' and <= '9'])
        {
            return null;
        }

        string name = dash < 0 ? productName : productName[..dash];
        return SnpProduct.WithKeys.FirstOrDefault(product => product.Name == name)?.Line;
    }

    /// <summary>Common name of the root key's certificate.</summary>
    /// <param name="product">The product line.</param>
    public static string RootOf(SnpProductLine product) => $"ARK-{NameOf(product)}";

    /// <summary>Common name of the certificate that issues for the signing key: the ASK's for a VCEK, the ASVK's for a VLEK.</summary>
    /// <param name="product">The product line.</param>
    /// <param name="key">VCEK or VLEK.</param>
    public static string IssuerOf(SnpProductLine product, SnpSigningKey key) => key switch
    {
        SnpSigningKey.Vcek => $"SEV-{NameOf(product)}",
        SnpSigningKey.Vlek => $"SEV-VLEK-{NameOf(product)}",
        _ => throw new ArgumentOutOfRangeException(nameof(key)),
    };

    /// <summary>Common name of the signing key's own certificate.</summary>
    /// <param name="key">VCEK or VLEK.</param>
    public static string CertificateOf(SnpSigningKey key) => key switch
    {
        SnpSigningKey.Vcek => "SEV-VCEK",
        SnpSigningKey.Vlek => "SEV-VLEK",
        _ => throw new ArgumentOutOfRangeException(nameof(key)),
    };
}
