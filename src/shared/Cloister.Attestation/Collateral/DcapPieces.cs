using System.Text;
using System.Text.Json;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Forms;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Attestation.Collateral;

/// <summary>A part of collateral for SGX and TDX.</summary>
internal enum DcapPiece
{
    TcbInfo,
    QeIdentity,
    TcbSigningChain,
    QeIdentityChain,
    PckCrl,
    PckCrlIssuerChain,
    RootCaCrl,
    PckChain,
}

/// <summary>
/// Collateral for SGX and TDX out of the forms that others keep it in: bodies of the PCS API, what a PCCS answered with its headers, one JSON file with all of it
/// (dcap-qvl, Intel's QvE collateral), certificates and lists in PEM, DER or hexadecimal. What a piece is, its content says; nothing in it is believed.
/// </summary>
internal sealed class DcapPieces
{
    private const int MaximumHeaders = 200;

    private readonly Dictionary<DcapPiece, (ReadOnlyMemory<byte> Bytes, string Source)> _found = [];

    private static readonly Dictionary<string, DcapPiece> Headers = new(StringComparer.OrdinalIgnoreCase)
    {
        ["TCB-Info-Issuer-Chain"] = DcapPiece.TcbSigningChain,
        ["SGX-TCB-Info-Issuer-Chain"] = DcapPiece.TcbSigningChain,
        ["SGX-Enclave-Identity-Issuer-Chain"] = DcapPiece.QeIdentityChain,
        ["SGX-PCK-CRL-Issuer-Chain"] = DcapPiece.PckCrlIssuerChain,
    };

    // Names in one file with all of it, without underscores and in lower case.
    private static readonly Dictionary<string, DcapPiece> Chains = new(StringComparer.Ordinal)
    {
        ["tcbinfoissuerchain"] = DcapPiece.TcbSigningChain,
        ["qeidentityissuerchain"] = DcapPiece.QeIdentityChain,
        ["pckcrlissuerchain"] = DcapPiece.PckCrlIssuerChain,
        ["pckcertificatechain"] = DcapPiece.PckChain,
        ["pckcertchain"] = DcapPiece.PckChain,
    };

    /// <summary>The piece, or null.</summary>
    public ReadOnlyMemory<byte>? this[DcapPiece piece] => _found.TryGetValue(piece, out (ReadOnlyMemory<byte> Bytes, string) found) ? found.Bytes : default(ReadOnlyMemory<byte>?);

    public bool IsEmpty => _found.Count == 0;

    /// <summary>What these bytes hold; empty when they are no collateral.</summary>
    /// <param name="bytes">The content of a file.</param>
    /// <param name="source">Its name, for errors only.</param>
    public static DcapPieces Read(ReadOnlyMemory<byte> bytes, string source)
    {
        DcapPieces pieces = new();
        pieces.ReadInto(bytes, source, depth: 0);
        return pieces;
    }

    /// <summary>Adds what is not there yet.</summary>
    /// <exception cref="EvidenceFormatException">Two different ones of a kind, so that nobody knows which is meant.</exception>
    public void AddMissing(DcapPieces others, ISet<DcapPiece> settled)
    {
        foreach ((DcapPiece piece, (ReadOnlyMemory<byte> bytes, string source)) in others._found)
        {
            if (!settled.Contains(piece))
            {
                Put(piece, bytes, source);
            }
        }
    }

    public void Put(DcapPiece piece, ReadOnlyMemory<byte> bytes, string source)
    {
        if (_found.TryGetValue(piece, out (ReadOnlyMemory<byte> Bytes, string Source) other) && !other.Bytes.Span.SequenceEqual(bytes.Span))
        {
            throw new EvidenceFormatException(source, 0, $"'{other.Source}' and '{source}' are both {piece}: leave one, or give it the name of docs/attestation.md");
        }

        _found[piece] = (bytes, source);
    }

    public IEnumerable<DcapPiece> Found => _found.Keys;

    private void ReadInto(ReadOnlyMemory<byte> bytes, string source, int depth)
    {
        ReadOnlySpan<byte> text = bytes.Span.TrimStart(" \t\r\n"u8);
        if (depth > 2 || text.IsEmpty)
        {
            return;
        }

        if (text[0] == (byte)'{')
        {
            using JsonDocument? document = TryParse(bytes);
            if (document is not null)
            {
                ReadJson(document.RootElement, bytes, source, depth);
            }
        }
        else if (text.StartsWith("-----BEGIN%20"u8))
        {
            ReadInto(Unescape(text), source, depth + 1);
        }
        else if (text.StartsWith("-----BEGIN CERTIFICATE"u8))
        {
            ReadChain(bytes, source);
        }
        else if (AsRevocationList(bytes) is { } list)
        {
            Put(IsOfRoot(list) ? DcapPiece.RootCaCrl : DcapPiece.PckCrl, list.Der, source);
        }
        else
        {
            ReadAnswer(bytes, source, depth);
        }
    }

    // An answer as 'curl -i' or 'curl -D' keeps it: headers, and the body behind an empty line.
    private void ReadAnswer(ReadOnlyMemory<byte> bytes, string source, int depth)
    {
        ReadOnlyMemory<byte> rest = bytes;
        bool isAnswer = false;
        for (int lines = 0; lines < MaximumHeaders && !rest.IsEmpty; lines++)
        {
            int end = rest.Span.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = (end < 0 ? rest.Span : rest.Span[..end]).TrimEnd((byte)'\r');
            rest = end < 0 ? default : rest[(end + 1)..];
            if (line.IsEmpty)
            {
                break;
            }

            int colon = line.IndexOf((byte)':');
            isAnswer |= line.StartsWith("HTTP/"u8);
            if (colon > 0 && Headers.TryGetValue(Encoding.ASCII.GetString(line[..colon]).Trim(), out DcapPiece piece))
            {
                isAnswer = true;
                Put(piece, Unescape(line[(colon + 1)..].Trim((byte)' ')), source);
            }
            else if (colon < 0 && !isAnswer)
            {
                return;
            }
        }

        if (isAnswer && !rest.IsEmpty)
        {
            ReadInto(rest, source, depth + 1);
        }
    }

    private void ReadJson(JsonElement json, ReadOnlyMemory<byte> whole, string source, int depth)
    {
        if (json.TryGetProperty("tcbInfo", out JsonElement tcbInfo) && tcbInfo.ValueKind == JsonValueKind.Object)
        {
            Put(DcapPiece.TcbInfo, depth == 0 ? whole : Utf8(json.GetRawText()), source);
            return;
        }

        if (json.TryGetProperty("enclaveIdentity", out JsonElement identity) && identity.ValueKind == JsonValueKind.Object)
        {
            Put(DcapPiece.QeIdentity, depth == 0 ? whole : Utf8(json.GetRawText()), source);
            return;
        }

        Dictionary<string, JsonElement> members = new(StringComparer.Ordinal);
        foreach (JsonProperty member in json.EnumerateObject())
        {
            members[member.Name.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant()] = member.Value;
        }

        foreach (string inside in (string[])["collateral", "quotecollateral"])
        {
            if (members.TryGetValue(inside, out JsonElement nested) && nested.ValueKind == JsonValueKind.Object && depth < 2)
            {
                ReadJson(nested, whole, source, depth + 1);
            }
        }

        Body(members, "tcbinfo", "tcbInfo", DcapPiece.TcbInfo, source);
        Body(members, "qeidentity", "enclaveIdentity", DcapPiece.QeIdentity, source);
        foreach ((string name, DcapPiece piece) in Chains)
        {
            if (members.TryGetValue(name, out JsonElement chain) && chain.ValueKind == JsonValueKind.String)
            {
                string text = chain.GetString()!;
                Put(piece, text.StartsWith("-----BEGIN%20", StringComparison.Ordinal) ? Unescape(Utf8(text)) : Utf8(text), source);
            }
        }

        foreach ((string name, DcapPiece piece) in (ReadOnlySpan<(string, DcapPiece)>)[("pckcrl", DcapPiece.PckCrl), ("rootcacrl", DcapPiece.RootCaCrl)])
        {
            if (members.TryGetValue(name, out JsonElement list) && list.ValueKind == JsonValueKind.String)
            {
                byte[] text = Utf8(list.GetString()!);
                Put(piece, AsRevocationList(text)?.Der ?? text, source);
            }
        }
    }

    // The inner object as text with its signature beside it; or a body as the PCS API gives it, as text or as an object. The signed bytes stay as they are.
    private void Body(Dictionary<string, JsonElement> members, string name, string inner, DcapPiece piece, string source)
    {
        if (!members.TryGetValue(name, out JsonElement value) || value.ValueKind is not (JsonValueKind.String or JsonValueKind.Object))
        {
            return;
        }

        string text = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
        bool isSigned = members.TryGetValue(name + "signature", out JsonElement signature) && signature.ValueKind == JsonValueKind.String;
        Put(piece, Utf8(isSigned ? $"{{\"{inner}\":{text},\"signature\":\"{signature.GetString()!.Replace("\"", "", StringComparison.Ordinal)}\"}}" : text), source);
    }

    private void ReadChain(ReadOnlyMemory<byte> pem, string source)
    {
        try
        {
            Certificate first = PemCertificates.Parse(pem.Span)[0];
            DcapPiece? piece = DcapRoles.Has(first, DcapRoles.TcbSigning) ? DcapPiece.TcbSigningChain
                : DcapRoles.Has(first, DcapRoles.Pck) ? DcapPiece.PckChain
                : DcapRoles.IsPckAuthority(first) ? DcapPiece.PckCrlIssuerChain
                : null;
            if (piece is { } known)
            {
                Put(known, pem, source);
            }
        }
        catch (EvidenceFormatException e) when (e.Field != source)
        {
            // No chain of ours; where the file's name says that it should be one, the verifier says what is wrong.
        }
    }

    private static bool IsOfRoot(RevocationList list) => DistinguishedName.CommonNameOf(list.Issuer.Span).Contains(DcapRoles.Root, StringComparison.Ordinal);

    /// <summary>A revocation list in DER, PEM, hexadecimal or base64; null: it is none.</summary>
    internal static RevocationList? AsRevocationList(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            ReadOnlySpan<byte> text = bytes.Span.Trim(" \t\r\n"u8);
            if (text.StartsWith("-----BEGIN X509 CRL-----"u8) && text.EndsWith("-----END X509 CRL-----"u8))
            {
                return TextForms.FromBase64(text["-----BEGIN X509 CRL-----".Length..^"-----END X509 CRL-----".Length]) is { } inner ? RevocationList.Parse(inner) : null;
            }

            byte[]? decoded = text.IsEmpty || text[0] == 0x30 && bytes.Length > 1 && bytes.Span[1] >= 0x80 ? null : TextForms.FromHex(text) ?? TextForms.FromBase64(text);
            return RevocationList.Parse(decoded ?? bytes);
        }
        catch (EvidenceFormatException)
        {
            return null;
        }
    }

    private static JsonDocument? TryParse(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            JsonDocument document = TextForms.Parse(bytes);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : null;
        }
        catch (EvidenceFormatException)
        {
            return null;
        }
    }

    private static byte[] Unescape(ReadOnlySpan<byte> text) => Utf8(Uri.UnescapeDataString(Encoding.ASCII.GetString(text)));

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
