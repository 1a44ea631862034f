using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Collateral;

/// <summary>Collateral in a directory, by fixed names. Files are only read; what they say is believed as far as their signatures carry.</summary>
public static class CollateralDirectory
{
    /// <summary>Largest file read, in bytes.</summary>
    public const int MaximumFileLength = 16 * 1024 * 1024;

    /// <summary>
    /// For SGX and TDX: <c>tcb_info.json</c>, <c>qe_identity.json</c>, <c>tcb_signing_chain.pem</c>, <c>pck_crl.der</c>, <c>pck_crl_issuer_chain.pem</c>, <c>root_ca_crl.der</c>,
    /// <c>qe_identity_chain.pem</c> when the QE identity has another signer than TCB info, and <c>pck_chain.pem</c> for quotes that do not carry their chain.
    /// </summary>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static DcapCollateral ReadDcap(string directory) => new()
    {
        TcbInfo = Read(directory, "tcb_info.json"),
        QeIdentity = Read(directory, "qe_identity.json"),
        TcbSigningChain = Read(directory, "tcb_signing_chain.pem"),
        QeIdentityChain = ReadIfThere(directory, "qe_identity_chain.pem") ?? default(ReadOnlyMemory<byte>),
        PckCrl = Read(directory, "pck_crl.der"),
        PckCrlIssuerChain = Read(directory, "pck_crl_issuer_chain.pem"),
        RootCaCrl = Read(directory, "root_ca_crl.der"),
        PckChain = ReadIfThere(directory, "pck_chain.pem") ?? default(ReadOnlyMemory<byte>),
    };

    /// <summary>For SEV-SNP: <c>vcek.der</c> or <c>vlek.der</c> or both, <c>ca_chain.pem</c>, and <c>crl.der</c> when there is one.</summary>
    /// <exception cref="IOException">A file cannot be read, or there is neither certificate nor chain.</exception>
    /// <exception cref="EvidenceFormatException">A file is malformed.</exception>
    public static SnpCollateral ReadSnp(string directory)
    {
        List<Certificate> keys = [];
        foreach (string name in (string[])["vcek.der", "vlek.der"])
        {
            if (ReadIfThere(directory, name) is { } der)
            {
                keys.Add(Named(name, () => Certificate.Parse(der)));
            }
        }

        byte[]? chain = ReadIfThere(directory, "ca_chain.pem");
        if (keys.Count == 0 && chain is null)
        {
            throw new FileNotFoundException($"'{directory}' has none of vcek.der, vlek.der, ca_chain.pem.");
        }

        byte[]? crl = ReadIfThere(directory, "crl.der");
        return new SnpCollateral
        {
            EndorsementKeys = keys,
            Authorities = chain is null ? [] : Named("ca_chain.pem", () => PemCertificates.Parse(chain)),
            RevocationLists = crl is null ? [] : [Named("crl.der", () => RevocationList.Parse(crl))],
        };
    }

    /// <summary>
    /// Roots in one file: a certificate in DER, or certificates in PEM, of which those count that name themselves as issuer (vendors publish roots together with intermediates).
    /// </summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="EvidenceFormatException">It is malformed, or no certificate in it is a root.</exception>
    public static IReadOnlyList<Certificate> ReadRoots(string file)
    {
        byte[] bytes = ReadFile(file);
        IReadOnlyList<Certificate> all = bytes.AsSpan().TrimStart(" \t\r\n"u8).StartsWith("-----"u8) ? PemCertificates.Parse(bytes) : [Certificate.Parse(bytes)];
        List<Certificate> roots = [.. all.Where(c => c.IsSelfIssued)];
        return roots.Count > 0 ? roots : throw new EvidenceFormatException(Path.GetFileName(file), 0, "no certificate in it is a root");
    }

    private static T Named<T>(string name, Func<T> parse)
    {
        try
        {
            return parse();
        }
        catch (EvidenceFormatException e)
        {
            throw new EvidenceFormatException($"{name}: {e.Field}", e.Offset, e.Problem);
        }
    }

    private static byte[] Read(string directory, string name) =>
        ReadIfThere(directory, name) ?? throw new FileNotFoundException($"'{directory}' has no {name}.");

    private static byte[]? ReadIfThere(string directory, string name)
    {
        string file = Path.Combine(directory, name);
        return File.Exists(file) ? ReadFile(file) : null;
    }

    private static byte[] ReadFile(string file)
    {
        FileInfo info = new(file);
        return info.Length <= MaximumFileLength ? File.ReadAllBytes(file) : throw new IOException($"'{file}' is larger than {MaximumFileLength} bytes.");
    }
}
