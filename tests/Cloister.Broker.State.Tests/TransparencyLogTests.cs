using System.Text;
using Cloister.Audit;

namespace Cloister.Broker.State.Tests;

/// <summary>Published vectors of what a transparency log is made of.</summary>
public sealed class TransparencyLogTests
{
    // The reference inputs and roots of Certificate Transparency's Merkle tree.
    private static readonly byte[][] Leaves = [.. new[] { "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f" }.Select(Convert.FromHexString)];

    private static readonly string[] Roots =
    [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    [Fact]
    public void Roots_are_those_of_RFC_6962()
    {
        for (int size = 0; size <= Leaves.Length; size++)
            Assert.Equal(Roots[size], Convert.ToHexStringLower(Edge(size).Root()));
    }

    [Theory]
    [InlineData(1, 1, "")]
    [InlineData(1, 8, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e 6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")]
    [InlineData(6, 8, "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")]
    [InlineData(2, 5, "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")]
    public void Proofs_are_those_of_RFC_6962(int first, int second, string expected)
    {
        IReadOnlyList<byte[]> proof = MerkleProof.Consistency(Edge(first), Leaves[first..second]);
        Assert.Equal(expected, string.Join(' ', proof.Select(Convert.ToHexStringLower)));
        Assert.True(MerkleProof.Verify(Head(first), Head(second), proof));
    }

    [Fact]
    public void A_proof_of_something_else_is_none()
    {
        for (int first = 0; first <= Leaves.Length; first++)
        {
            for (int second = first; second <= Leaves.Length; second++)
            {
                IReadOnlyList<byte[]> proof = MerkleProof.Consistency(Edge(first), Leaves[first..second]);
                Assert.True(MerkleProof.Verify(Head(first), Head(second), proof));
                Assert.False(MerkleProof.Verify(Head(first), Head(second), [.. proof, new byte[32]]));
                for (int i = 0; i < proof.Count; i++)
                {
                    Assert.False(MerkleProof.Verify(Head(first), Head(second), [.. proof.Take(i), .. proof.Skip(i + 1)]));
                    Assert.False(MerkleProof.Verify(Head(first), Head(second), [.. proof.Take(i), new byte[32], .. proof.Skip(i + 1)]));
                }

                if (first != second)
                    Assert.False(MerkleProof.Verify(Head(second), Head(first), proof));
            }
        }
    }

    // RFC 8032, section 7.1, tests 1 and 3.
    [Theory]
    [InlineData("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    public void Ed25519_is_that_of_RFC_8032(string seed, string publicKey, string message, string signature)
    {
        using Ed25519.PrivateKey key = new(Convert.FromHexString(seed));
        byte[] text = Convert.FromHexString(message), signed = key.Sign(text);
        Assert.Equal(publicKey, Convert.ToHexStringLower([.. key.PublicKey]));
        Assert.Equal(signature, Convert.ToHexStringLower(signed));
        Assert.True(Ed25519.Verify([.. key.PublicKey], text, signed));
        Assert.False(Ed25519.Verify([.. key.PublicKey], [.. text, 0], signed));
        Assert.False(Ed25519.Verify([.. key.PublicKey], text, signed.AsSpan(1)));
        signed[5] ^= 1;
        Assert.False(Ed25519.Verify([.. key.PublicKey], text, signed));
    }

    // The example of golang.org/x/mod/sumdb/note.
    [Fact]
    public void Notes_are_those_of_others()
    {
        const string note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
            + "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        NoteKey key = NoteKey.Parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        SignedNote read = SignedNote.Parse(note);
        Assert.True(read.IsSignedBy(key));
        Assert.Equal(note, read.ToString());
        Assert.False((read with { Text = read.Text + "Indeed.\n" }).IsSignedBy(key));
        Assert.Throws<FormatException>(() => NoteKey.Parse("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"));
        foreach (string bad in new[] { "", note[..^1], note.Replace("— ", "- ", StringComparison.Ordinal), note.Replace("\n\n", "\n", StringComparison.Ordinal), note + "\n" })
            Assert.Throws<FormatException>(() => SignedNote.Parse(bad));
    }

    [Fact]
    public void A_cosignature_covers_its_time()
    {
        using Ed25519.PrivateKey key = new(new byte[32]);
        NoteKey witness = new("witness.example", NoteKey.CosignatureType, key.PublicKey);
        string text = AuditCheckpoint.TextOf("cloister.dev/audit/test", Head(8));
        byte[] signature = key.Sign(NoteKey.CosignedMessage(1_700_000_000, Encoding.UTF8.GetBytes(text)));
        NoteSignature cosignature = new(witness.Name, witness.Id, [0, 0, 0, 0, 0x65, 0x53, 0xf1, 0x00, .. signature]);
        Assert.True(witness.Verify(text, cosignature));
        Assert.False(witness.Verify(text, cosignature with { Bytes = [0, 0, 0, 0, 0x65, 0x53, 0xf1, 0x01, .. signature] }));
        Assert.Equal(witness.ToString(), NoteKey.Parse(witness.ToString()).ToString());
    }

    // docs/audit-log.md, "Vectors".
    [Fact]
    public void The_vectors_of_the_specification_hold()
    {
        byte[] first = AuditEncoding.Hash(1, 1_700_000_000_000, "broker.started", "{}", new byte[32]);
        byte[] second = AuditEncoding.Hash(2, 1_700_000_000_001, "lease.granted", """{"lease":"a"}""", first);
        var edge = new MerkleEdge();
        edge.Append(first);
        edge.Append(second);
        using CheckpointSigner signer = new("cloister.dev/audit/00112233445566778899aabbccddeeff", new Ed25519.PrivateKey([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        string[] said = [Convert.ToHexStringLower(first), Convert.ToHexStringLower(second), Convert.ToHexStringLower(edge.Root()), signer.Key.ToString(), .. signer.Sign(AuditHead.Of(edge)).Note.ToString().Split('\n')];
        string document = File.ReadAllText(Path.Combine(Repository(), "docs/audit-log.md"));
        Assert.All(said, text => Assert.Contains(text, document, StringComparison.Ordinal));
    }

    private static string Repository()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Cloister.slnx")))
            folder = folder.Parent;
        return folder!.FullName;
    }

    private static MerkleEdge Edge(int size)
    {
        var edge = new MerkleEdge();
        foreach (byte[] leaf in Leaves.Take(size))
            edge.Append(leaf);
        return edge;
    }

    private static AuditHead Head(int size) => AuditHead.Of(Edge(size));
}
