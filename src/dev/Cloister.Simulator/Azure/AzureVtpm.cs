using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Cloister.Simulator.Azure;

/// <summary>
/// An imitated vTPM of Azure: an attestation key, 24 registers, quotes of them written out by offset, and the runtime data that a paravisor would have put under the hardware's
/// report. secrets: an attestation key that vouches for nothing.
/// </summary>
public sealed class AzureVtpm : IDisposable
{
    private readonly RSA _key = RSA.Create(2048);

    /// <summary>The attestation key, public.</summary>
    public RSAParameters PublicKey => _key.ExportParameters(includePrivateParameters: false);

    /// <summary>The registers of the SHA-256 bank, 32 bytes each.</summary>
    public byte[][] Registers { get; init; } = [.. Enumerable.Range(0, 24).Select(i => Enumerable.Repeat((byte)i, 32).ToArray())];

    /// <summary>What the paravisor says of the VM.</summary>
    /// <param name="key">The attestation key that it names.</param>
    /// <param name="userData">64 bytes of the guest's, or null for zeros.</param>
    /// <param name="secureBoot">Whether Secure Boot is on.</param>
    public static byte[] RuntimeData(RSAParameters key, byte[]? userData = null, bool secureBoot = true)
    {
        byte[] written = new byte[64];
        userData?.CopyTo(written, 0);
        string boot = secureBoot ? "true" : "false";
        return Encoding.ASCII.GetBytes(
            $$"""{"keys":[{"kid":"HCLAkPub","key_ops":["sign"],"kty":"RSA","e":"{{Base64Url.EncodeToString(key.Exponent)}}","n":"{{Base64Url.EncodeToString(key.Modulus)}}"}],"vm-configuration":{"console-enabled":true,"secure-boot":{{boot}},"tpm-enabled":true,"vmUniqueId":"00000000-0000-0000-0000-000000000001"},"user-data":"{{Convert.ToHexString(written)}}"}""");
    }

    /// <summary>TPMS_ATTEST of a quote over all registers.</summary>
    /// <param name="qualifyingData">What is signed along.</param>
    /// <param name="selected">Bits of the registers that are quoted.</param>
    public byte[] Attest(ReadOnlySpan<byte> qualifyingData, int selected = 0xFFFFFF)
    {
        byte[] digest = SHA256.HashData([.. Registers.Where((_, i) => (selected >> i & 1) != 0).SelectMany(register => register)]);
        return
        [
            0xFF, 0x54, 0x43, 0x47, 0x80, 0x18, .. Sized(new byte[34]), .. Sized(qualifyingData), .. new byte[8], 0, 0, 0, 5, 0, 0, 0, 0, 1, 0x20, 0x20, 3, 0x12, 0, 0x12, 0, 3,
            0, 0, 0, 1, 0x00, 0x0B, 3, (byte)(selected & 0xFF), (byte)(selected >> 8 & 0xFF), (byte)(selected >> 16 & 0xFF), .. Sized(digest),
        ];
    }

    /// <summary>The attestation key's signature.</summary>
    public byte[] Sign(byte[] attest) => _key.SignData(attest, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    /// <summary>Evidence in a form of Confidential Containers.</summary>
    /// <param name="version">0, 1 or 2.</param>
    /// <param name="hcl">The paravisor's report.</param>
    /// <param name="attest">What the vTPM signed.</param>
    /// <param name="signature">Its signature.</param>
    /// <param name="vcek">SEV-SNP: the endorsement key's certificate, DER; null for TDX.</param>
    /// <param name="tdQuote">TDX: the quote; null for SEV-SNP.</param>
    public JsonObject Evidence(int version, byte[] hcl, byte[] attest, byte[] signature, byte[]? vcek, byte[]? tdQuote)
    {
        JsonObject quote = new()
        {
            ["signature"] = Bytes(signature, hex: true), ["message"] = Bytes(attest, hex: true), ["pcrs"] = new JsonArray([.. Registers.Select(register => Bytes(register, hex: true))]),
        };
        bool isOldSnp = version == 0 && vcek is not null;
        JsonObject evidence = new() { [isOldSnp ? "quote" : "tpm_quote"] = quote, [isOldSnp ? "report" : "hcl_report"] = Bytes(hcl, hex: false) };
        if (version > 0)
        {
            evidence["version"] = version;
        }

        if (vcek is not null)
        {
            evidence["vcek"] = version == 0 ? PemEncoding.WriteString("CERTIFICATE", vcek) : Bytes(vcek, hex: false);
        }
        else
        {
            evidence["td_quote"] = Bytes(tdQuote!, hex: false);
        }

        return evidence;

        JsonNode Bytes(byte[] bytes, bool hex) => version == 0 ? new JsonArray([.. bytes.Select(b => (JsonNode)JsonValue.Create(b))])
            : JsonValue.Create(hex ? Convert.ToHexStringLower(bytes) : Padded(bytes));
    }

    /// <inheritdoc />
    public void Dispose() => _key.Dispose();

    private static string Padded(byte[] bytes) => Convert.ToBase64String(bytes).Replace('+', '-').Replace('/', '_');

    private static byte[] Sized(ReadOnlySpan<byte> bytes)
    {
        byte[] sized = new byte[2 + bytes.Length];
        BinaryPrimitives.WriteUInt16BigEndian(sized, (ushort)bytes.Length);
        bytes.CopyTo(sized.AsSpan(2));
        return sized;
    }
}
