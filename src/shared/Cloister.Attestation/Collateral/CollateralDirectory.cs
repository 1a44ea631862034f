using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Collateral;

/// <summary>
/// Collateral in a directory, or in one file. Files by the names that are given here come first; what they leave out is looked for by content in the others.
/// Files are only read; what they say is believed as far as their signatures carry.
/// </summary>
public static class CollateralDirectory
{
    /// <summary>Largest file read, in bytes.</summary>
    public const int MaximumFileLength = 16 * 1024 * 1024;

    /// <summary>How many files are looked into besides those with the names given here.</summary>
    public const int MaximumFiles = 64;

    private static readonly (string Name, DcapPiece Piece, bool IsRequired)[] DcapNames =
    [
        ("tcb_info.json", DcapPiece.TcbInfo, true), ("qe_identity.json", DcapPiece.QeIdentity, true), ("tcb_signing_chain.pem", DcapPiece.TcbSigningChain, true),
        ("qe_identity_chain.pem", DcapPiece.QeIdentityChain, false), ("pck_crl.der", DcapPiece.PckCrl, true), ("pck_crl_issuer_chain.pem", DcapPiece.PckCrlIssuerChain, true),
        ("root_ca_crl.der", DcapPiece.RootCaCrl, true), ("pck_chain.pem", DcapPiece.PckChain, false),
    ];

    private static readonly string[] SnpNames = ["vcek.der", "vlek.der", "ca_chain.pem", "crl.der"];

    /// <summary>
    /// For SGX and TDX: <c>tcb_info.json</c>, <c>qe_identity.json</c>, <c>tcb_signing_chain.pem</c>, <c>pck_crl.der</c>, <c>pck_crl_issuer_chain.pem</c>, <c>root_ca_crl.der</c>,
    /// <c>qe_identity_chain.pem</c> when the QE identity has another signer than TCB info, and <c>pck_chain.pem</c> for quotes that do not carry their chain. What is missing
    /// is looked for in the other files: answers of a PCCS with their headers, one JSON with all of it, lists in PEM or hexadecimal.
    /// </summary>
    /// <param name="path">A directory, or a file with all of it.</param>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    /// <exception cref="EvidenceFormatException">Two files without those names are of one kind and differ.</exception>
    public static DcapCollateral ReadDcap(string path)
    {
        DcapPieces pieces = new();
        foreach ((string name, DcapPiece piece, bool _) in DcapNames)
        {
            if (ReadIfThere(path, name) is { } bytes)
            {
                // By its name it is this piece, whatever is in it: the verifier says what is wrong with it.
                DcapPieces read = DcapPieces.Read(bytes, name);
                pieces.Put(piece, read[piece] ?? bytes, name);
            }
        }

        HashSet<DcapPiece> settled = [.. pieces.Found];
        if (DcapNames.Any(one => one.IsRequired && pieces[one.Piece] is null))
        {
            foreach ((string name, byte[] bytes) in Others(path, [.. DcapNames.Select(one => one.Name)]))
            {
                pieces.AddMissing(DcapPieces.Read(bytes, name), settled);
            }
        }

        ReadOnlyMemory<byte> Required(DcapPiece piece) => pieces[piece]
            ?? throw new FileNotFoundException($"'{path}' has no {DcapNames.First(one => one.Piece == piece).Name}, and nothing else that holds it.");
        return new DcapCollateral
        {
            TcbInfo = Required(DcapPiece.TcbInfo),
            QeIdentity = Required(DcapPiece.QeIdentity),
            TcbSigningChain = Required(DcapPiece.TcbSigningChain),
            QeIdentityChain = pieces[DcapPiece.QeIdentityChain] ?? default,
            PckCrl = Required(DcapPiece.PckCrl),
            PckCrlIssuerChain = Required(DcapPiece.PckCrlIssuerChain),
            RootCaCrl = Required(DcapPiece.RootCaCrl),
            PckChain = pieces[DcapPiece.PckChain] ?? default,
        };
    }

    /// <summary>
    /// For SEV-SNP: <c>vcek.der</c> or <c>vlek.der</c> or both, <c>ca_chain.pem</c>, and <c>crl.der</c> when there is one. What is missing is looked for in the other
    /// files: certificates in DER or PEM, by the names in them (<c>snpguest</c> keeps <c>vcek.pem</c>, <c>ask.pem</c>, <c>ark.pem</c>).
    /// </summary>
    /// <param name="path">A directory, or a file with certificates.</param>
    /// <exception cref="IOException">A file cannot be read, or there is neither certificate nor chain.</exception>
    /// <exception cref="EvidenceFormatException">A file is malformed.</exception>
    public static SnpCollateral ReadSnp(string path)
    {
        List<Certificate> keys = [];
        foreach (string name in (string[])["vcek.der", "vlek.der"])
        {
            if (ReadIfThere(path, name) is { } der)
            {
                keys.Add(Named(name, () => PemCertificates.ParseOne(der)));
            }
        }

        byte[]? chain = ReadIfThere(path, "ca_chain.pem");
        List<Certificate> authorities = chain is null ? [] : [.. Named("ca_chain.pem", () => PemCertificates.Parse(chain))];
        byte[]? crl = ReadIfThere(path, "crl.der");
        List<RevocationList> lists = crl is null ? [] : [Named("crl.der", () => DcapPieces.AsRevocationList(crl) ?? RevocationList.Parse(crl))];
        if (keys.Count == 0 || authorities.Count == 0)
        {
            List<Certificate> others = [.. Others(path, SnpNames).SelectMany(file => CertificatesIn(file.Content))];
            keys = keys.Count > 0 ? keys : [.. others.Where(one => one.CommonName is "SEV-VCEK" or "SEV-VLEK")];
            authorities = authorities.Count > 0 ? authorities
                : [.. others.Where(one => one.CommonName is not ("SEV-VCEK" or "SEV-VLEK") && (one.CommonName.StartsWith("SEV-", StringComparison.Ordinal) || one.CommonName.StartsWith("ARK-", StringComparison.Ordinal)))];
        }

        return keys.Count > 0 || authorities.Count > 0
            ? new SnpCollateral { EndorsementKeys = keys, Authorities = authorities, RevocationLists = lists }
            : throw new FileNotFoundException($"'{path}' has none of vcek.der, vlek.der, ca_chain.pem, and no certificate of a VCEK, VLEK, ASK or ARK in its other files.");
    }

    /// <summary>
    /// Roots in one file: a certificate in DER, or certificates in PEM, of which those count that name themselves as issuer (vendors publish roots together with intermediates).
    /// </summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="EvidenceFormatException">It is malformed, or no certificate in it is a root.</exception>
    public static IReadOnlyList<Certificate> ReadRoots(string file)
    {
        byte[] bytes = ReadFile(file);
        IReadOnlyList<Certificate> all = IsPem(bytes) ? PemCertificates.Parse(bytes) : [Certificate.Parse(bytes)];
        List<Certificate> roots = [.. all.Where(c => c.IsSelfIssued)];
        return roots.Count > 0 ? roots : throw new EvidenceFormatException(Path.GetFileName(file), 0, "no certificate in it is a root");
    }

    // What is in files of other names, and is none, is somebody else's.
    private static IReadOnlyList<Certificate> CertificatesIn(byte[] bytes)
    {
        try
        {
            return IsPem(bytes) ? PemCertificates.Parse(bytes) : [Certificate.Parse(bytes)];
        }
        catch (EvidenceFormatException)
        {
            return [];
        }
    }

    private static bool IsPem(ReadOnlySpan<byte> bytes) => bytes.TrimStart(" \t\r\n"u8).StartsWith("-----"u8);

    private static IEnumerable<(string Name, byte[] Content)> Others(string path, IReadOnlyCollection<string> known)
    {
        if (File.Exists(path))
        {
            return [(Path.GetFileName(path), ReadFile(path))];
        }

        string[] files = [.. Directory.EnumerateFiles(path).Where(file => !known.Contains(Path.GetFileName(file))).Order(StringComparer.Ordinal).Take(MaximumFiles + 1)];
        return files.Length <= MaximumFiles
            ? files.Where(file => new FileInfo(file).Length <= MaximumFileLength).Select(file => (Path.GetFileName(file), ReadFile(file)))
            : throw new IOException($"'{path}' has more than {MaximumFiles} files besides collateral by its names: keep collateral in a directory of its own.");
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
