namespace DimensionStore.Memory;

/// <summary>
/// The free blocks above 64 KiB, ordered by size and then by address: a treap, so that finding the best fit, adding and removing take O(log n) steps.
/// </summary>
/// <remarks>
/// A node's place is given by where its block starts: a block of more than 64 KiB leaves the 64 KiB unit it starts in, so no second one starts there. Hence nodes are
/// never allocated. Priorities are a hash of the place: a treap's depth is logarithmic for any order of keys when priorities look random
/// (Seidel and Aragon, "Randomized Search Trees", 1996). Red-black trees were rejected for the same job at three times the code.
/// Not thread-safe: the heap's lock protects it.
/// </remarks>
internal readonly unsafe struct LargeBlockTree
{
    private const int UnitShift = 12;
    private readonly Node* _nodes;

    /// <summary>Creates the tree on zeroed memory of <see cref="BytesFor"/> bytes, of which so much must be committed as blocks have been added to.</summary>
    internal LargeBlockTree(void* nodes) => _nodes = (Node*)nodes;

    private uint* Root => &_nodes[0].Left;

    /// <summary>Bytes that nodes for so many granules take.</summary>
    internal static long BytesFor(long granules) => sizeof(Node) * (((granules + (1L << UnitShift) - 1) >> UnitShift) + 1);

    /// <summary>Forgets all blocks.</summary>
    internal void Clear() => *Root = 0;

    /// <summary>Adds a block of more than 64 KiB.</summary>
    internal void Add(uint start, uint length)
    {
        uint added = PlaceOf(start);
        _nodes[added].Start = start;
        _nodes[added].Length = length;
        ulong key = KeyOf(added);
        uint priority = PriorityOf(added);
        uint* link = Root;
        while (*link != 0 && PriorityOf(*link) >= priority)
        {
            link = key < KeyOf(*link) ? &_nodes[*link].Left : &_nodes[*link].Right;
        }

        // What hung here is split into what is smaller and what is larger than the new node.
        uint below = *link;
        *link = added;
        uint* smaller = &_nodes[added].Left;
        uint* larger = &_nodes[added].Right;
        while (below != 0)
        {
            if (KeyOf(below) < key)
            {
                *smaller = below;
                smaller = &_nodes[below].Right;
                below = *smaller;
            }
            else
            {
                *larger = below;
                larger = &_nodes[below].Left;
                below = *larger;
            }
        }

        *smaller = 0;
        *larger = 0;
    }

    /// <summary>Removes a block that was added with that length.</summary>
    internal void Remove(uint start)
    {
        uint removed = PlaceOf(start);
        ulong key = KeyOf(removed);
        uint* link = Root;
        while (*link != removed && *link != 0)
        {
            link = key < KeyOf(*link) ? &_nodes[*link].Left : &_nodes[*link].Right;
        }

        uint left = _nodes[removed].Left;
        uint right = _nodes[removed].Right;
        while (left != 0 && right != 0)
        {
            if (PriorityOf(left) >= PriorityOf(right))
            {
                *link = left;
                link = &_nodes[left].Right;
                left = *link;
            }
            else
            {
                *link = right;
                link = &_nodes[right].Left;
                right = *link;
            }
        }

        *link = left | right;
    }

    /// <summary>The smallest block of at least so many granules, of several the one with the lowest address; false when there is none.</summary>
    internal bool TryFindBest(uint length, out uint start, out uint found)
    {
        uint best = 0;
        uint node = *Root;
        while (node != 0)
        {
            if (_nodes[node].Length >= length)
            {
                best = node;
                node = _nodes[node].Left;
            }
            else
            {
                node = _nodes[node].Right;
            }
        }

        start = _nodes[best].Start;
        found = _nodes[best].Length;
        return best != 0;
    }

    /// <summary>Whether a block is in the tree with that length.</summary>
    internal bool Contains(uint start, uint length)
    {
        uint wanted = PlaceOf(start);
        ulong key = ((ulong)length << 32) | start;
        uint node = *Root;
        while (node != 0 && node != wanted)
        {
            node = key < KeyOf(node) ? _nodes[node].Left : _nodes[node].Right;
        }

        return node != 0 && KeyOf(node) == key;
    }

    /// <summary>Counts the blocks, at most <paramref name="most"/> and one: a damaged tree may have a cycle.</summary>
    internal long Count(long most)
    {
        Stack<uint> open = new();
        open.Push(*Root);
        long count = 0;
        while (open.TryPop(out uint node) && count <= most)
        {
            if (node != 0)
            {
                count++;
                open.Push(_nodes[node].Left);
                open.Push(_nodes[node].Right);
            }
        }

        return count;
    }

    private static uint PlaceOf(uint start) => (start >> UnitShift) + 1;

    // Multiplication by the golden ratio, then the high half folded down: neighbours get unrelated priorities.
    private static uint PriorityOf(uint place)
    {
        uint hash = place * 0x9E3779B1;
        return (hash ^ (hash >> 15)) * 0x85EBCA6B;
    }

    private ulong KeyOf(uint node) => ((ulong)_nodes[node].Length << 32) | _nodes[node].Start;

    private struct Node
    {
        internal uint Start;
        internal uint Length;
        internal uint Left;
        internal uint Right;
    }
}
