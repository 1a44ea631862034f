namespace Cloister.Fuzz;

/// <summary>Changes inputs that are made of pieces, such as frames: pieces go, come again, come from elsewhere, change places, or change inside.</summary>
internal static class PieceMutator
{
    private const int MaxPieces = 256;

    /// <param name="mutator">Chooses.</param>
    /// <param name="original">The pieces of one input.</param>
    /// <param name="other">The pieces of another.</param>
    /// <param name="change">Changes one inside.</param>
    internal static List<T> Mutate<T>(Mutator mutator, IReadOnlyList<T> original, IReadOnlyList<T> other, Func<T, T> change)
    {
        Random random = mutator.Random;
        List<T> pieces = [.. original.Take(MaxPieces)];
        for (int changes = 1 + random.Next(4); changes > 0; changes--)
        {
            int at = random.Next(pieces.Count + 1);
            switch (random.Next(8))
            {
                case 0 when at < pieces.Count:
                    pieces.RemoveAt(at);
                    break;
                case 1 when at < pieces.Count:
                    pieces.Insert(random.Next(pieces.Count + 1), pieces[at]);
                    break;
                case 2 when other.Count > 0:
                    pieces.Insert(at, mutator.Any(other));
                    break;
                case 3 when at < pieces.Count:
                    int second = random.Next(pieces.Count);
                    (pieces[at], pieces[second]) = (pieces[second], pieces[at]);
                    break;
                default:
                    if (at < pieces.Count)
                    {
                        pieces[at] = change(pieces[at]);
                    }

                    break;
            }
        }

        return pieces;
    }
}
