using Cloister.Enclave.Broker;

namespace Cloister.Enclave.Tees.Nitro;

/// <summary>
/// Requests to and answers of the Nitro Security Module: <c>{"Attestation": {...}}</c>, <c>{"DescribePCR": {...}}</c>, <c>{"Error": "..."}</c>.
/// Source: aws-nitro-enclaves-nsm-api. secrets: none.
/// </summary>
internal static class NsmMessages
{
    private const string Attestation = "Attestation";
    private const string DescribePcr = "DescribePCR";

    internal static ReadOnlySpan<byte> AskAttestation(EvidenceBinding binding) => new CborWriter()
        .Map(1).Text(Attestation).Map(3)
        .Text("user_data").BytesOrNull(binding.ReportData.Span)
        .Text("nonce").BytesOrNull(binding.Nonce.Span)
        .Text("public_key").BytesOrNull(binding.PublicKey.Span)
        .Written;

    internal static ReadOnlySpan<byte> AskPcr(ulong index) => new CborWriter().Map(1).Text(DescribePcr).Map(1).Text("index").Number(index).Written;

    /// <summary>The document of an answer.</summary>
    /// <exception cref="TeeException">An error, or no answer to that.</exception>
    internal static byte[] ReadDocument(ReadOnlySpan<byte> answer) => Read(answer, "Attestation"u8, "document"u8);

    /// <summary>The value of a register in an answer.</summary>
    /// <exception cref="TeeException">An error, or no answer to that.</exception>
    internal static byte[] ReadPcr(ReadOnlySpan<byte> answer) => Read(answer, "DescribePCR"u8, "data"u8);

    private static byte[] Read(ReadOnlySpan<byte> answer, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> member)
    {
        try
        {
            CborReader reader = new(answer);
            ulong? one = reader.Map();
            if (one is not 1)
            {
                throw new FormatException();
            }

            ReadOnlySpan<byte> name = reader.Text();
            if (name.SequenceEqual("Error"u8))
            {
                throw Refused(reader.Text());
            }

            byte[]? found = null;
            ulong? pairs = name.SequenceEqual(kind) ? reader.Map() : throw new FormatException();
            while (reader.GoesOn(ref pairs))
            {
                if (!reader.Text().SequenceEqual(member))
                {
                    reader.Skip();
                }
                else
                {
                    found = found is null ? reader.Bytes().ToArray() : throw new FormatException();
                }
            }

            return found is not null && reader.IsAtEnd ? found : throw new FormatException();
        }
        catch (FormatException)
        {
            throw new TeeException($"{NsmDevice.Path} gave {answer.Length} bytes that are no answer to what was asked: look at the kernel and its NSM driver");
        }
    }

    // The errors are words of the API; anything else is not repeated.
    private static TeeException Refused(ReadOnlySpan<byte> error)
    {
        string word = error.Length <= 32 && !error.ContainsAnyExceptInRange((byte)'A', (byte)'z') ? System.Text.Encoding.ASCII.GetString(error) : "an unknown error";
        return new TeeException($"the Nitro Security Module refuses ({word}): look at the parent instance and the version of its Nitro tools", isPassing: word == "InternalError");
    }
}
