using System.Formats.Cbor;
using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Simulator.Nitro;
using NsmDevice = Cloister.Enclave.Tees.Nitro.NsmDevice;

namespace Cloister.Tee.Tests.Support;

/// <summary>A Nitro enclave: an NSM that reads requests and writes answers with a CBOR library of its own.</summary>
internal sealed class NitroMachine : FakeMachine
{
    internal static readonly DateTimeOffset Now = new(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly NitroVendor Shared = new(Now);
    private static readonly NitroSigner SharedSigner = Shared.IssueSigner(new NitroSignerRequest());

    private readonly NitroVendor _vendor;
    private readonly TimeProvider? _clock;

    /// <param name="vendor">Who vouches for it; null for the vendor that <see cref="Verify"/> knows.</param>
    /// <param name="clock">What time documents say; null for <see cref="Now"/>.</param>
    internal NitroMachine(NitroVendor? vendor = null, TimeProvider? clock = null)
    {
        _vendor = vendor ?? Shared;
        _clock = clock;
        NitroSigner signer = vendor?.IssueSigner(new NitroSignerRequest()) ?? SharedSigner;
        Document = fields => fields.Sign(signer);
        unsafe
        {
            this[NsmDevice.Path].OnControl = Answer;
        }
    }

    /// <summary>Image measurement.</summary>
    internal byte[] Pcr0 { get; set; } = Sample.Bytes(48, 1);

    /// <summary>Writes documents of definite length, as older ones are.</summary>
    internal bool Definite { get; set; }

    /// <summary>Makes the document; tests replace it to lie.</summary>
    internal Func<NitroDocumentFields, byte[]> Document { get; set; }

    /// <summary>Replaces a whole answer.</summary>
    internal Func<byte[], byte[]>? Replace { get; set; }

    internal List<string> Asked { get; } = [];

    internal static VerificationResult Verify(byte[] document) =>
        NitroVerifier.Verify(document, TrustAnchors.Of(Certificate.Parse(Shared.Root)), VerificationTime.At(Now));

    internal static byte[] Error(string word) => Write(writer =>
    {
        writer.WriteStartMap(1);
        writer.WriteTextString("Error");
        writer.WriteTextString(word);
        writer.WriteEndMap();
    });

    /// <summary>What a document of this enclave says.</summary>
    internal NitroDocumentFields Fields(byte[]? userData, byte[]? nonce, byte[]? publicKey) => new()
    {
        Timestamp = _clock?.GetUtcNow() ?? Now,
        CaBundle = _vendor.Bundle,
        UserData = userData,
        Nonce = nonce,
        PublicKey = publicKey,
        IndefiniteLength = !Definite,
        Pcrs = [.. Enumerable.Range(0, 16).Select(i => ((ulong)i, i == 0 ? Pcr0 : Sample.Bytes(48, (byte)(i + 1))))],
    };

    private unsafe void Answer(uint code, void* argument)
    {
        Assert.Equal(0xC0200A00u, code);
        ulong* raw = (ulong*)argument;
        byte[] request = new ReadOnlySpan<byte>((void*)raw[0], (int)raw[1]).ToArray();
        byte[] answer = Answer(request);
        answer = Replace?.Invoke(answer) ?? answer;
        Assert.Equal(0x3000ul, raw[3]);
        int length = Math.Min(answer.Length, 0x3000);
        answer.AsSpan(0, length).CopyTo(new Span<byte>((void*)raw[2], length));
        raw[3] = (ulong)length;
    }

    private byte[] Answer(byte[] request)
    {
        CborReader reader = new(request, CborConformanceMode.Strict);
        Assert.Equal(1, reader.ReadStartMap());
        string kind = reader.ReadTextString();
        Asked.Add(kind);
        int? pairs = reader.ReadStartMap();
        if (kind == "DescribePCR")
        {
            Assert.Equal(1, pairs);
            Assert.Equal("index", reader.ReadTextString());
            Assert.Equal(0u, reader.ReadUInt32());
            return Write(writer =>
            {
                writer.WriteStartMap(1);
                writer.WriteTextString(kind);
                writer.WriteStartMap(2);
                writer.WriteTextString("lock");
                writer.WriteBoolean(true);
                writer.WriteTextString("data");
                writer.WriteByteString(Pcr0);
                writer.WriteEndMap();
                writer.WriteEndMap();
            });
        }

        Assert.Equal("Attestation", kind);
        Assert.Equal(3, pairs);
        Dictionary<string, byte[]?> given = [];
        for (int i = 0; i < 3; i++)
        {
            string name = reader.ReadTextString();
            given[name] = reader.PeekState() == CborReaderState.Null ? Nothing(reader) : reader.ReadByteString();
        }

        byte[] document = Document(Fields(given["user_data"], given["nonce"], given["public_key"]));
        return Write(writer =>
        {
            writer.WriteStartMap(1);
            writer.WriteTextString(kind);
            writer.WriteStartMap(1);
            writer.WriteTextString("document");
            writer.WriteByteString(document);
            writer.WriteEndMap();
            writer.WriteEndMap();
        });
    }

    private static byte[]? Nothing(CborReader reader)
    {
        reader.ReadNull();
        return null;
    }

    private static byte[] Write(Action<CborWriter> write)
    {
        CborWriter writer = new();
        write(writer);
        return writer.Encode();
    }
}
