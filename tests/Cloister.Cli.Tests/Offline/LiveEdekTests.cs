using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Offline;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.KmsV2;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Offline;

/// <summary>What an enclave wraps, the owner of the KEK opens without it.</summary>
public sealed class LiveEdekTests : IDisposable
{
    private static readonly EnvelopeContext Context = new(EnvelopeContext.KmsPurpose, "dev", "tee");

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Custody_manual()
    {
        byte[] kek = RandomNumberGenerator.GetBytes(32);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        (await CliProcess.RunWithInputAsync(Encoding.ASCII.GetBytes(Convert.ToHexString(kek)), "kek", "import", "--socket", dev.AdminSocket, "--name", "mine")).MustSucceed();

        await OpensAsync(dev, kek, EdekSuite.Kek);
    }

    [Theory]
    [InlineData("remote")]
    [InlineData("passthrough")]
    public async Task Custody_of_the_software_KMS(string custody)
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", custody);
        JsonNode keys = JsonNode.Parse(await File.ReadAllTextAsync(_folder["d/UNPROTECTED-software-kms.json"], TestContext.Current.CancellationToken))!;

        await OpensAsync(dev, Convert.FromHexString((string)keys["keks"]![0]!["key"]!), custody == "remote" ? EdekSuite.RemoteDek : EdekSuite.Remote);
    }

    private static async Task OpensAsync(DevEnclave dev, byte[] kek, EdekSuite suite)
    {
        using GrpcChannel channel = EnclaveChannel.Open(dev.KmsSocket);
        byte[] seed = RandomNumberGenerator.GetBytes(32);
        EncryptResponse encrypted = await new KeyManagementService.KeyManagementServiceClient(channel).EncryptAsync(
            new EncryptRequest { Plaintext = ByteString.CopyFrom(seed), Uid = "1" }, cancellationToken: TestContext.Current.CancellationToken);
        byte[] edek = encrypted.Ciphertext.ToByteArray();

        Assert.Equal(suite, Edek.Parse(edek).Suite);
        Assert.Equal(seed, OfflineEdek.Plaintext(kek, Context, edek));
        Assert.Equal(32, OfflineEdek.Dek(kek, Context, edek).Length);
        kek[0] ^= 1;
        Assert.Throws<AuthenticationTagMismatchException>(() => OfflineEdek.Plaintext(kek, Context, edek));
        kek[0] ^= 1;
        Assert.Throws<AuthenticationTagMismatchException>(() => OfflineEdek.Plaintext(kek, new EnvelopeContext(EnvelopeContext.KmsPurpose, "dev", "other"), edek));
    }
}
